//! Secrets: made once, kept for good.

use rusqlite::OptionalExtension;

use crate::database::Database;

/// Named keys that survive a restart, such as the one that signs tokens.
#[derive(Debug)]
pub struct Secrets {
    database: Database,
}

/// Why a secret could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[error("the secret {name} cannot be read or kept")]
pub struct SecretError {
    /// Which one.
    pub name: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Secrets {
    pub(crate) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// The secret of this name; made by `make`, and durable on return, if there is none yet.
    ///
    /// # Errors
    /// [`SecretError`] if the file cannot be read or written.
    pub fn get_or_create(
        &mut self,
        name: &str,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>, SecretError> {
        let got = self.database.write(|transaction| {
            let stored = transaction
                .prepare_cached("SELECT value FROM secrets WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()?;
            if let Some(stored) = stored {
                return Ok(stored);
            }
            let made = make();
            transaction
                .prepare_cached("INSERT INTO secrets (name, value) VALUES (?1, ?2)")?
                .execute((name, &made))?;
            Ok(made)
        });
        got.map_err(|source| SecretError { name: name.to_owned(), source: Box::new(source) })
    }
}
