//! Somebody else's service, with live rooms under `/live`: its tokens, its people, its payments.

use std::sync::Arc;

use async_trait::async_trait;
use salon::core::{Time, UserId};
use salon::pay::sandbox::{self, Sandbox};
use salon::room_model::{Name, Person};
use salon::store::SqliteStore;
use salon::{Config, Identity, LogNotifier, People, Ports, Salon, TokenError, Tokens};

/// The users of this service. Their tokens are their names; a real one would ask its sessions.
#[derive(Debug)]
struct Members(Vec<Person>);

#[async_trait]
impl Tokens for Members {
    async fn verify(&self, token: &str, _: Time) -> Result<Identity, TokenError> {
        let member = self.0.iter().find(|person| person.user.as_str() == token);
        let person = member.cloned().ok_or(TokenError::Invalid)?;
        Ok(Identity { person, expires: Time(u64::MAX) })
    }
}

#[async_trait]
impl People for Members {
    async fn profile(&self, user: &UserId) -> Option<Person> {
        self.0.iter().find(|person| person.user == *user).cloned()
    }

    /// Bob has blocked Eve: she does not get into a room where he sits.
    async fn blocked(&self, by: &[UserId], who: &UserId) -> bool {
        who.as_str() == "eve" && by.iter().any(|user| user.as_str() == "bob")
    }

    async fn search(&self, text: &str, limit: usize) -> Vec<Person> {
        let found = self.0.iter().filter(|person| person.name.as_str().contains(text));
        found.take(limit).cloned().collect()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let person = |name| Ok(Person { user: UserId::parse(name)?, name: Name::parse(name)? });
    let members = ["ada", "bob", "eve"].into_iter().map(person).collect::<anyhow::Result<_>>()?;
    let members = Arc::new(Members(members));
    let (payments, deliveries) = Sandbox::new(sandbox::Config::new([7; 32]));
    let (tokens, people, notifier) = (members.clone(), members, Arc::new(LogNotifier));
    let ports = Ports { tokens, people, notifier, payments: Arc::new(payments) };
    let store = SqliteStore::open("data-embed")?;
    let (salon, driver) = Salon::open(Config::default(), ports, store)?;
    tokio::spawn(driver.run());
    tokio::spawn(salon.clone().deliver(deliveries));

    let hello = axum::routing::get(|| async { "The members' area. Live rooms are at /live/." });
    let app = axum::Router::new().route("/", hello).nest_service("/live", salon.router());
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?)
}
