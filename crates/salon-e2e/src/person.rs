//! One person using the product: the page's controls as verbs.
//!
//! Each verb does what a person would do, through the control with the `data-testid` of that name, and waits until
//! the page shows that it was done.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::Page;
use crate::relay::Relay;

/// How long the product may take over anything here, media included. Generous: tests share few cores with the
/// encoders and decoders of every browser they start.
pub const SOON: Duration = Duration::from_secs(30);

/// More frames than a keyframe cache could hold: whoever decodes them is being sent to now.
const FRAMES_MOVING: u64 = 20;

/// Somebody with a page of their own.
#[derive(Clone, Debug)]
pub struct Person {
    name: String,
    page: Page,
}

/// How a test payment goes; the sandbox's payment methods.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Payment {
    /// It is approved.
    Approve,
    /// It is declined.
    Decline,
    /// Its answer is lost; only asking the provider tells.
    Lost,
}

impl Payment {
    fn method(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Lost => "lost",
        }
    }
}

/// What one receiver has got so far, from `window.salon.stats()`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Received {
    /// The seat whose media comes here.
    pub slot: u8,
    /// `audio` or `video`.
    pub kind: String,
    /// Frames decoded; zero for audio.
    pub frames_decoded: u64,
    /// Width of the last frame; zero for audio.
    pub frame_width: u64,
    /// Height of the last frame; zero for audio.
    pub frame_height: u64,
    /// Loudness summed over time; zero for video.
    pub total_audio_energy: f64,
    /// The codec's MIME type, once something has come.
    pub codec: Option<String>,
}

impl Person {
    pub(crate) fn new(name: &str, page: Page) -> Self {
        Self { name: name.to_owned(), page }
    }

    /// The name they go by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Their page.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    // Before a live.

    /// Gives their name, from the home screen.
    ///
    /// # Errors
    /// The page does not take the name.
    pub fn sign_in(&self) -> Result<()> {
        self.page.click("account")?;
        self.page.fill("name-input", &self.name)?;
        self.page.click("name-submit")?;
        self.page.see_no("name-input", "", SOON)
    }

    /// Goes live and gives the room's identifier.
    ///
    /// # Errors
    /// The camera does not start or the room does not go live.
    pub fn go_live(&self, title: &str) -> Result<String> {
        self.page.click("go-live-button")?;
        self.page.fill("title-input", title)?;
        self.page.click("start-live")?;
        let room = self.page.wait_for(
            "location.hash.startsWith('#/room/') && decodeURIComponent(location.hash.slice(7))",
            SOON,
            "the room",
        )?;
        self.page.see("live-mark", "", SOON)?;
        Ok(room.as_str().context("a room without identifier")?.to_owned())
    }

    /// Lets the media that will come to this page go through `relay`. Lasts until the page is loaded anew.
    ///
    /// # Errors
    /// The page has gone.
    pub fn goes_through(&self, relay: &Relay) -> Result<()> {
        let (from, to) = (relay.target().to_string(), relay.address().to_string());
        self.page.eval(&format!("e2e.detour({}, {})", json!(from), json!(to))).map(drop)
    }

    /// Opens a room that is live.
    ///
    /// # Errors
    /// The room does not open.
    pub fn open_room(&self, room: &str) -> Result<()> {
        self.page
            .eval(&format!("location.hash = '#/room/' + encodeURIComponent({})", json!(room)))?;
        self.page.see("live-mark", "", SOON)?;
        // Controls are in their places once somebody is on stage.
        self.page.see("tile", "", SOON).map(drop)
    }

    // The way to a seat.

    /// Presses the button that asks the host for a seat; the room may refuse.
    ///
    /// # Errors
    /// The button is not there.
    pub fn ask_for_seat(&self) -> Result<()> {
        self.page.click("join-request")
    }

    /// Asks the host for a seat and waits until the request stands.
    ///
    /// # Errors
    /// The room does not take the request.
    pub fn request_seat(&self) -> Result<()> {
        self.ask_for_seat()?;
        self.join_button_is("pending")
    }

    /// Takes the request back.
    ///
    /// # Errors
    /// There is none.
    pub fn withdraw_request(&self) -> Result<()> {
        self.join_button_is("pending")?;
        self.page.click("join-request")?;
        self.join_button_is("idle")
    }

    /// As the host: lets `name`, who asked, prepare.
    ///
    /// # Errors
    /// Nobody of that name asks.
    pub fn accept_request(&self, name: &str) -> Result<()> {
        self.in_guest_sheet(|page| {
            page.click_where("accept-request", name)?;
            settled(page, "request-item", name)
        })
    }

    /// As the host: turns `name`'s request down.
    ///
    /// # Errors
    /// Nobody of that name asks.
    pub fn decline_request(&self, name: &str) -> Result<()> {
        self.in_guest_sheet(|page| {
            page.click_where("decline-request", name)?;
            settled(page, "request-item", name)
        })
    }

    /// As the host: invites `name`, who has been here.
    ///
    /// # Errors
    /// The search does not find that name.
    pub fn invite(&self, name: &str) -> Result<()> {
        self.in_guest_sheet(|page| {
            page.fill("invite-search", name)?;
            page.click_where("invite-person", name)?;
            page.see("offer-item", name, SOON).map(drop)
        })
    }

    /// Takes an invitation and goes on to prepare.
    ///
    /// # Errors
    /// There is none.
    pub fn accept_invite(&self) -> Result<()> {
        self.page.click("accept-invite")?;
        self.page.see("prepare-panel", "", SOON).map(drop)
    }

    /// Turns an invitation down.
    ///
    /// # Errors
    /// There is none.
    pub fn decline_invite(&self) -> Result<()> {
        self.page.click("decline-invite")?;
        self.page.see_no("invite-sheet", "", SOON)
    }

    /// Takes the prepared seat.
    ///
    /// # Errors
    /// There is none, or the camera does not start in time.
    pub fn confirm_ready(&self) -> Result<()> {
        self.page.click("confirm-ready")?;
        self.page.see("leave-seat", "", SOON).map(drop)
    }

    /// Gives the prepared seat up.
    ///
    /// # Errors
    /// There is none.
    pub fn cancel_ready(&self) -> Result<()> {
        self.page.click("cancel-ready")?;
        self.page.see_no("prepare-panel", "", SOON)
    }

    /// Asks, is accepted by `host` and takes the seat.
    ///
    /// # Errors
    /// Any of it fails.
    pub fn join_through(&self, host: &Self) -> Result<()> {
        self.request_seat()?;
        host.accept_request(&self.name)?;
        self.confirm_ready()
    }

    /// Leaves the seat and stays as a viewer.
    ///
    /// # Errors
    /// They hold none.
    pub fn leave_seat(&self) -> Result<()> {
        self.page.click("leave-seat")?;
        self.page.see_no("leave-seat", "", SOON)
    }

    /// As the host: takes `name` off the stage.
    ///
    /// # Errors
    /// Nobody of that name sits.
    pub fn remove_guest(&self, name: &str) -> Result<()> {
        self.in_guest_sheet(|page| {
            page.click_where("remove-guest", name)?;
            settled(page, "guest-item", name)
        })
    }

    /// As the host: ends the live.
    ///
    /// # Errors
    /// It does not end.
    pub fn end_live(&self) -> Result<()> {
        self.page.click("end-live")?;
        self.page.click("end-confirm")?;
        self.page.see("after", "", SOON).map(drop)
    }

    /// Waits until their camera and microphone reach the server.
    ///
    /// # Errors
    /// They do not.
    pub fn publishes(&self) -> Result<()> {
        let condition = "window.salon.room.publishing === 'up'";
        self.page.wait_for(condition, SOON, &format!("{} to publish", self.name)).map(drop)
    }

    // Taking part.

    /// Posts a comment.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn comment(&self, text: &str) -> Result<()> {
        self.page.fill("comment-input", text)?;
        self.page.click("comment-send")
    }

    /// Sends one heart.
    ///
    /// # Errors
    /// The button is not there.
    pub fn heart(&self) -> Result<()> {
        self.page.click("heart")
    }

    /// Buys a badge of `hearts` for `recipient` and waits until it is in `state`: `awarded`, `declined`, ...
    ///
    /// # Errors
    /// It does not come that far.
    pub fn buy_badge(
        &self,
        recipient: &str,
        hearts: u8,
        payment: Payment,
        state: &str,
    ) -> Result<()> {
        self.page.click("badge-button")?;
        self.page.click_where("badge-recipient", recipient)?;
        self.page.click_where("badge-sku", &format!("{hearts} heart"))?;
        self.page.click(&format!("badge-method-{}", payment.method()))?;
        self.page.click("badge-pay")?;
        let condition =
            format!("e2e.find('[data-testid=badge-state]').dataset.state === {}", json!(state));
        self.page.wait_for(&condition, SOON, &format!("the badge to be {state}"))?;
        self.page.escape()?;
        self.page.see_no("badge-sheet", "", SOON)
    }

    // Looking.

    /// Waits until the tile of `name` shows badges of this many hearts in all.
    ///
    /// # Errors
    /// It does not.
    pub fn sees_badges(&self, name: &str, hearts: u64) -> Result<()> {
        let condition = format!(
            "e2e.find('[data-testid=tile]', {}).querySelector('[data-testid=badge-total]').dataset.hearts === '{hearts}'",
            json!(name)
        );
        let what = format!("{} to see {hearts} badge hearts on the tile of {name}", self.name);
        self.page.wait_for(&condition, SOON, &what).map(drop)
    }

    /// What the service answers to `GET api/<path>` for this person.
    ///
    /// # Errors
    /// It answers with an error.
    pub fn api(&self, path: &str) -> Result<Value> {
        let token = self.token()?;
        self.page.eval(&format!(
            "fetch(new URL({}, location.href), {{ headers: {{ authorization: {} }} }})
               .then(async (answer) => {{ if (!answer.ok) throw new Error(await answer.text()); return answer.json(); }})",
            json!(format!("api/{path}")),
            json!(format!("Bearer {token}")),
        ))
    }

    /// The token the page got at sign-in.
    ///
    /// # Errors
    /// They have not signed in.
    pub fn token(&self) -> Result<String> {
        self.page.eval_as("JSON.parse(localStorage.getItem('salon.identity')).token")
    }

    /// Waits until exactly these names are on tiles, in the order of seats; one's own tile says `You`.
    ///
    /// # Errors
    /// The tiles are others when the time is over.
    pub fn sees_on_stage(&self, names: &[&str]) -> Result<()> {
        let condition = format!(
            "(() => {{
               const tiles = e2e.all('[data-testid=tile]').filter(e2e.shown);
               tiles.sort((a, b) => a.dataset.seat - b.dataset.seat);
               const wanted = {};
               const seen = tiles.map(e2e.words);
               const same = seen.length === wanted.length && wanted.every((name, i) => seen[i].includes(name));
               if (!same) throw seen.join(' | ');
               return true;
             }})()",
            json!(names)
        );
        self.page.wait_for(&condition, SOON, &format!("{} to see {names:?}", self.name))?;
        Ok(())
    }

    /// Waits until pictures and sound of each of these seats keep coming in.
    ///
    /// # Errors
    /// Those of some seat do not.
    pub fn receives(&self, seats: &[u8]) -> Result<()> {
        let before = self.received()?;
        for &seat in seats {
            let frames = before
                .iter()
                .find(|one| one.slot == seat && one.kind == "video")
                .map_or(0, |one| one.frames_decoded);
            let condition = format!(
                "(async () => {{
                   const mine = (await window.salon.stats()).slots.filter(one => one.slot === {seat});
                   const video = mine.find(one => one.kind === 'video');
                   const audio = mine.find(one => one.kind === 'audio');
                   const comes = video.framesDecoded > {} && video.frameWidth > 0 && audio.totalAudioEnergy > 0;
                   if (!comes) throw JSON.stringify([video, audio]);
                   return true;
                 }})()",
                frames + FRAMES_MOVING
            );
            let what = format!("{} to receive seat {seat}", self.name);
            self.page.wait_for(&condition, SOON, &what)?;
        }
        Ok(())
    }

    /// How many pictures they have encoded so far to publish.
    ///
    /// # Errors
    /// They publish nothing.
    pub fn frames_encoded(&self) -> Result<u64> {
        self.page.eval_as("window.salon.stats().then(all => all.publisher.framesEncoded)")
    }

    /// What every receiver has got so far.
    ///
    /// # Errors
    /// The page gives no statistics.
    pub fn received(&self) -> Result<Vec<Received>> {
        self.page.eval_as("window.salon.stats().then(all => all.slots)")
    }

    /// Waits for a refusal and gives its sentence. `name` is the stable name of the reason.
    ///
    /// # Errors
    /// Nothing is refused, or for another reason.
    pub fn is_refused(&self, name: &str) -> Result<String> {
        let find = "e2e.find('[data-testid=refusal]')";
        let condition =
            format!("({find}?.dataset.name ?? '') === {} && e2e.text({find})", json!(name));
        let what = format!("{} to be refused with {name}", self.name);
        let sentence = self.page.wait_for(&condition, SOON, &what)?;
        Ok(sentence.as_str().unwrap_or_default().to_owned())
    }

    /// Fails unless the page made one session to watch, with one offer, and another only for each that was
    /// lost: seats change by messages, never by negotiating again.
    ///
    /// # Errors
    /// It made more.
    pub fn negotiated_once(&self) -> Result<()> {
        let counted = self.page.eval("window.salon.pcCounts")?;
        let count = |what: &str| counted[what].as_u64();
        let once = count("watch") == count("lost").map(|lost| lost + 1)
            && count("offers") == count("watch");
        ensure!(once, "{} negotiated more than once: {counted}", self.name);
        Ok(())
    }

    fn join_button_is(&self, state: &str) -> Result<()> {
        let condition = format!(
            "({UNREFUSED}, e2e.find('[data-testid=join-request]').dataset.state === {})",
            json!(state)
        );
        let what = format!("{}'s join button to be {state}", self.name);
        self.page.wait_for(&condition, SOON, &what).map(drop)
    }

    /// Opens the host's sheet, does something in it, closes it.
    fn in_guest_sheet<T>(&self, act: impl FnOnce(&Page) -> Result<T>) -> Result<T> {
        self.page.click("rooms-button")?;
        self.page.see("guest-sheet", "", SOON)?;
        let done = act(&self.page)?;
        self.page.escape()?;
        self.page.see_no("guest-sheet", "", SOON)?;
        Ok(done)
    }
}

/// Throws the sentence of a visible refusal: it fades, but what was thrown is part of the failure's report.
const UNREFUSED: &str = "(() => {
  const refusal = e2e.find('[data-testid=refusal]');
  if (refusal) throw e2e.text(refusal);
})()";

/// Waits until the line of `name` has gone from a list.
fn settled(page: &Page, item: &str, name: &str) -> Result<()> {
    let condition = format!("({UNREFUSED}, !e2e.find('[data-testid={item}]', {}))", json!(name));
    page.wait_for(&condition, SOON, &format!("{item} {name:?} to go away")).map(drop)
}
