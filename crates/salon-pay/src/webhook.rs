//! Webhooks: what a provider tells on its own, and how it proves that it was the provider.
//!
//! The signature reads `t=<milliseconds>,v1=<hexadecimal>`: the time of sending, and the keyed BLAKE3 hash of that
//! time, a full stop, and the body. The time is signed too, so that an old webhook cannot be replayed for ever.

use std::time::Duration;

use salon_core::{PurchaseId, Text, Time};
use serde::{Deserialize, Serialize};

use crate::provider::{ProviderRef, Status};

/// The provider's name for something that happened: the same each time it is delivered.
pub type EventId = Text<1, 200>;

/// How far the clocks may be apart, and how long a webhook may take: what Stripe allows by default.
pub const AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// Something that happened to a charge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its name: delivered twice, it is the same.
    pub event_id: EventId,
    /// The purchase that was charged.
    pub purchase: PurchaseId,
    /// How far the charge is now.
    pub status: Status,
    /// The provider's name for the charge.
    pub provider_ref: ProviderRef,
}

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Not signed with the provider's secret, or altered on the way.
    #[error("webhook is not signed by the provider")]
    Forged,
    /// Signed too long ago, or in the future.
    #[error("webhook was signed at another time")]
    Stale,
    /// Signed by the provider, and yet not readable.
    #[error("webhook body is not understood")]
    Malformed,
}

/// Signs and verifies webhooks with a shared secret.
#[derive(Clone)]
pub(crate) struct Signer {
    secret: [u8; 32],
}

impl Signer {
    pub(crate) const fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The signature of `body`, sent at `at`.
    pub(crate) fn sign(&self, at: Time, body: &[u8]) -> String {
        let at_ms = at.as_ms();
        format!("t={at_ms},v1={}", self.hash(at_ms, body).to_hex())
    }

    /// Whether `signature` is the one of `body`, and not older than [`AGE_MAX`] at `now`.
    pub(crate) fn verify(
        &self,
        now: Time,
        signature: &str,
        body: &[u8],
    ) -> Result<(), WebhookError> {
        let (at_ms, hash) = parse(signature).ok_or(WebhookError::Forged)?;
        // `blake3::Hash` compares in constant time.
        if self.hash(at_ms, body) != hash {
            return Err(WebhookError::Forged);
        }
        if now.as_ms().abs_diff(at_ms) > AGE_MAX.as_millis().try_into().unwrap_or(u64::MAX) {
            return Err(WebhookError::Stale);
        }
        Ok(())
    }

    fn hash(&self, at_ms: u64, body: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(at_ms.to_string().as_bytes()).update(b".").update(body);
        hasher.finalize()
    }
}

fn parse(signature: &str) -> Option<(u64, blake3::Hash)> {
    let (at_ms, hash) = signature.strip_prefix("t=")?.split_once(",v1=")?;
    Some((at_ms.parse().ok()?, blake3::Hash::from_hex(hash).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"a":1}"#;
    const AT: Time = Time(1_000_000_000_000);

    fn signer() -> Signer {
        Signer::new([7; 32])
    }

    #[track_caller]
    fn check(now: Time, signature: &str, body: &[u8], expected: Result<(), WebhookError>) {
        assert_eq!(signer().verify(now, signature, body), expected);
    }

    #[test]
    fn the_signature_is_pinned() {
        let expected =
            "t=1000000000,v1=eb8f60cdbb3f0b39f56c2fe15cd665e7a8189b2956ac2f1da2f2cd0d6d2580a7";
        assert_eq!(signer().sign(AT, BODY), expected);
    }

    #[test]
    fn a_forged_signature_is_refused() {
        let forged = Err(WebhookError::Forged);
        check(AT, &Signer::new([8; 32]).sign(AT, BODY), BODY, forged);
        check(AT, "", BODY, forged);
        check(AT, "t=1000000000,v1=", BODY, forged);
        check(AT, "t=,v1=00", BODY, forged);
        let good = signer().sign(AT, BODY);
        for end in 0..good.len() {
            check(AT, &good[..end], BODY, forged);
        }
    }

    #[test]
    fn an_altered_body_or_time_is_refused() {
        let good = signer().sign(AT, BODY);
        check(AT, &good, BODY, Ok(()));
        for index in 0..BODY.len() {
            let mut altered = BODY.to_vec();
            altered[index] ^= 1;
            check(AT, &good, &altered, Err(WebhookError::Forged));
        }
        let later = good.replace("t=1000000000", "t=1000000001");
        check(AT, &later, BODY, Err(WebhookError::Forged));
    }

    #[test]
    fn a_stale_or_future_webhook_is_refused() {
        let good = signer().sign(AT, BODY);
        check(AT + AGE_MAX, &good, BODY, Ok(()));
        check(AT - AGE_MAX, &good, BODY, Ok(()));
        let more = AGE_MAX + Duration::from_millis(1);
        check(AT + more, &good, BODY, Err(WebhookError::Stale));
        check(AT - more, &good, BODY, Err(WebhookError::Stale));
    }
}
