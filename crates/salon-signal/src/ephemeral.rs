//! What is told at most once and kept nowhere.

use salon_core::UserId;

tagged! {
    /// Something to show now or never.
    pub enum Ephemeral {
        /// Hearts that float up.
        HeartBurst = "heart_burst" {
            /// Who sent them, if they are one person's.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            user: Option<UserId>,
            /// How many.
            hearts: u32,
            /// The hearts of the sender's highest badge in this live; 0 without one.
            special: u8,
        },
    }
}
