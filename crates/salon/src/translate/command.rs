//! Commands of the wire into commands of the room.

use salon_core::text::TextError;
use salon_core::{PurchaseId, Text};
use salon_room::command::{InviteMode, RemoveTo};
use salon_room::policy::Requests;
use salon_room::request::RequestId;
use salon_room::seat::{OfferId, SelfMedia};
use salon_room::{Command, badge};
use salon_signal::command as wire;
use salon_signal::error::Code;
use salon_signal::server::Rejected;

/// The room's command for a client's. A new purchase gets the name `purchase`.
///
/// # Errors
/// The refusal to answer if the command is unknown or a text is out of bounds.
pub(crate) fn command(
    command: wire::Command,
    purchase: impl FnOnce() -> PurchaseId,
) -> Result<Command, Rejected> {
    use wire::Command as Wire;
    Ok(match command {
        Wire::GoLive => Command::GoLive,
        Wire::EndRoom => Command::EndRoom,
        Wire::InviteGuests { users, mode } => Command::InviteGuests {
            users,
            mode: match mode {
                wire::InviteMode::Atomic => InviteMode::Atomic,
                wire::InviteMode::BestEffort => InviteMode::BestEffort,
            },
        },
        Wire::CancelInvite { offer } => Command::CancelInvite { offer: OfferId(offer.0) },
        Wire::AcceptInvite { offer } => Command::AcceptInvite { offer: OfferId(offer.0) },
        Wire::DeclineInvite { offer } => Command::DeclineInvite { offer: OfferId(offer.0) },
        Wire::RequestSeat { note } => Command::RequestSeat { note: text("note", &note)? },
        Wire::WithdrawRequest => Command::WithdrawRequest,
        Wire::ApproveRequest { request } => {
            Command::ApproveRequest { request: RequestId(request.0) }
        }
        Wire::DeclineRequest { request } => {
            Command::DeclineRequest { request: RequestId(request.0) }
        }
        Wire::ConfirmReady { media } => {
            Command::ConfirmReady { media: SelfMedia { mic: media.mic, cam: media.cam } }
        }
        Wire::LeaveSeat => Command::LeaveSeat,
        Wire::RemoveGuest { user, to } => Command::RemoveGuest {
            user,
            to: match to {
                wire::Destination::Audience => RemoveTo::Audience,
                wire::Destination::OutOfRoom => RemoveTo::OutOfRoom,
            },
        },
        Wire::SetSelfMedia { mic, cam } => Command::SetSelfMedia { media: SelfMedia { mic, cam } },
        Wire::SetRequestPolicy { policy } => Command::SetRequestPolicy(match policy {
            wire::RequestPolicy::Open => Requests::Open,
            wire::RequestPolicy::Closed => Requests::Closed,
        }),
        Wire::PostComment { text: said } => Command::PostComment { text: text("text", &said)? },
        Wire::BeginBadge { recipient, sku, note, method: _ } => Command::BeginBadge {
            purchase: purchase(),
            recipient,
            sku: badge::Sku::parse(&sku).map_err(|error| malformed("sku", error))?,
            note: text("note", &note)?,
        },
        Wire::Unknown(unknown) => {
            let message = format!("no command is named {}", unknown.tag);
            return Err(Rejected::new(Code::UnknownCommand, message));
        }
    })
}

/// A bounded text out of a client's string.
fn text<const MIN: usize, const MAX: usize>(
    field: &str,
    given: &str,
) -> Result<Text<MIN, MAX>, Rejected> {
    Text::parse(given).map_err(|error| malformed(field, error))
}

fn malformed(field: &str, error: TextError) -> Rejected {
    Rejected::new(Code::Malformed, format!("{field}: {error}"))
}
