//! Who is how fast: one pair of token buckets for each person who has acted lately.

use std::collections::BTreeMap;
use std::time::Duration;

use salon_core::{Time, UserId};

use crate::rejection::Class;

/// How fast one person may act. Both allow a burst, then a steady rate.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Hearts at once. Default 20: a fast thumb for two seconds (a guess).
    pub hearts_burst: u32,
    /// Time for one more heart. Default 100 ms.
    pub heart_every: Duration,
    /// Comments at once. Default 5 (a guess).
    pub comments_burst: u32,
    /// Time for one more comment. Default 1 s.
    pub comment_every: Duration,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            hearts_burst: 20,
            heart_every: Duration::from_millis(100),
            comments_burst: 5,
            comment_every: Duration::from_secs(1),
        }
    }
}

/// Somebody acts too fast. Nothing was counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is too fast")]
pub struct RateLimited {
    /// When the same would be possible. More than a whole burst never is; the time is then that of a full burst.
    pub retry_after: Duration,
}

impl RateLimited {
    /// 1900. It never changes its meaning.
    #[must_use]
    pub const fn code(&self) -> u16 {
        1900
    }

    /// A stable name in `snake_case`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        "rate_limited"
    }

    /// What a client can do about it: wait.
    #[must_use]
    pub const fn class(&self) -> Class {
        Class::RetryAfter
    }
}

/// The rates of everybody whose buckets are not full. They outlive a session, so reconnecting gains nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Rates {
    // Invariant: swept when it has doubled, so it holds at most twice those who acted within one refill.
    people: BTreeMap<UserId, Buckets>,
    sweep_at: usize,
}

/// When each bucket is full again; in the past, it is full.
#[derive(Clone, Copy, Debug, Default)]
struct Buckets {
    hearts_full: Time,
    comments_full: Time,
}

/// The fewest people worth a sweep.
const SWEEP_MIN: usize = 64;

impl Rates {
    pub(super) fn take_hearts(
        &mut self,
        limits: &RateLimits,
        now: Time,
        user: &UserId,
        hearts: u32,
    ) -> Result<(), RateLimited> {
        let full = &mut self.buckets(now, user).hearts_full;
        take(full, now, limits.hearts_burst, limits.heart_every, hearts)
    }

    pub(super) fn take_comment(
        &mut self,
        limits: &RateLimits,
        now: Time,
        user: &UserId,
    ) -> Result<(), RateLimited> {
        let full = &mut self.buckets(now, user).comments_full;
        take(full, now, limits.comments_burst, limits.comment_every, 1)
    }

    fn buckets(&mut self, now: Time, user: &UserId) -> &mut Buckets {
        if self.people.len() >= self.sweep_at {
            self.people
                .retain(|_, buckets| buckets.hearts_full > now || buckets.comments_full > now);
            self.sweep_at = SWEEP_MIN.max(2 * self.people.len());
        }
        self.people.entry(user.clone()).or_default()
    }
}

/// Takes `amount` from the bucket that is full at `full`, or leaves it as it is.
fn take(
    full: &mut Time,
    now: Time,
    burst: u32,
    every: Duration,
    amount: u32,
) -> Result<(), RateLimited> {
    let after = (*full).max(now) + every.saturating_mul(amount);
    let latest = now + every.saturating_mul(burst);
    if after > latest {
        return Err(RateLimited {
            retry_after: after.since(latest).min(every.saturating_mul(burst)),
        });
    }
    *full = after;
    Ok(())
}
