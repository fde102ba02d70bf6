//! Who is calling, and whom they could invite.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequestParts, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use salon_core::UserId;
use salon_room::{Name, Person};
use salon_signal::error::Code;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::Salon;
use crate::ports::{Identity, IssueError, TokenError};

/// How many people a search answers with: more than fit a phone's screen.
const FOUND_MAX: usize = 20;

/// A caller who sent a valid bearer token.
pub(super) struct Caller(pub(super) Person);

impl FromRequestParts<Salon> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, salon: &Salon) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?;
        identify(salon, token).await.map(|identity| Self(identity.person))
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Problem::unauthenticated("request has no bearer token"))
}

/// Whom a token belongs to.
async fn identify(salon: &Salon, token: &str) -> Result<Identity, Problem> {
    salon.verify(token).await.map_err(|error| match error {
        TokenError::Expired => Problem::new(StatusCode::UNAUTHORIZED, Code::TokenExpired, error),
        TokenError::Unavailable => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::Overloaded, error)
        }
        TokenError::Invalid => Problem::unauthenticated(error),
    })
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    name: String,
}

#[derive(Serialize)]
pub(super) struct SignedIn {
    token: String,
    user: UserId,
    name: Name,
    expires_ms: u64,
}

/// `POST api/tokens`: a token for a name, where the service offers that.
pub(super) async fn issue(
    State(salon): State<Salon>,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Json<SignedIn>, Problem> {
    let Json(sign_in) = body?;
    let issued = salon.issue(&sign_in.name).await.map_err(|error| match error {
        IssueError::NotOffered => Problem::new(StatusCode::NOT_FOUND, Code::NotFound, error),
        IssueError::Name(_) => Problem::malformed(error),
    })?;
    Ok(Json(SignedIn {
        token: issued.token,
        user: issued.identity.person.user,
        name: issued.identity.person.name,
        expires_ms: issued.identity.expires.as_ms(),
    }))
}

#[derive(Serialize)]
pub(super) struct PersonBody {
    user: UserId,
    name: Name,
}

impl From<Person> for PersonBody {
    fn from(person: Person) -> Self {
        Self { user: person.user, name: person.name }
    }
}

/// `GET api/me`: whom the token belongs to.
pub(super) async fn me(Caller(person): Caller) -> Json<PersonBody> {
    Json(person.into())
}

#[derive(Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

#[derive(Serialize)]
pub(super) struct Found {
    people: Vec<PersonBody>,
}

/// `GET api/people?q=`: people to invite, the caller left out.
pub(super) async fn people(
    State(salon): State<Salon>,
    Caller(caller): Caller,
    query: Result<Query<Search>, QueryRejection>,
) -> Result<Json<Found>, Problem> {
    let Query(search) = query?;
    let mut people = salon.search(search.q.trim(), FOUND_MAX + 1).await;
    people.retain(|person| person.user != caller.user);
    people.truncate(FOUND_MAX);
    Ok(Json(Found { people: people.into_iter().map(PersonBody::from).collect() }))
}
