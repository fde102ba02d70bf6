//! What went wrong, as a client reads it: a code and a class for programs, a sentence for people.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use salon_signal::error::{Class, Code};
use serde::Serialize;

/// An error answer. Its body is `{code, name, class, message}`.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: u16,
    name: String,
    class: Class,
    message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    code: u16,
    name: &'a str,
    class: Class,
    message: &'a str,
}

impl Problem {
    /// A problem of the protocol's own registry.
    pub(crate) fn new(status: StatusCode, code: Code, message: impl ToString) -> Self {
        Self {
            status,
            code: code.number(),
            name: code.name().to_owned(),
            class: code.class(),
            message: message.to_string(),
        }
    }

    /// What a room refused.
    pub(crate) fn rejected(rejected: salon_signal::server::Rejected) -> Self {
        let status = match rejected.name.as_str() {
            "room_not_found" | "room_ended" => StatusCode::NOT_FOUND,
            "rate_limited" | "slow_mode" | "cooldown" => StatusCode::TOO_MANY_REQUESTS,
            "overloaded" | "busy" | "internal" => StatusCode::SERVICE_UNAVAILABLE,
            "malformed" | "too_long" => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        };
        Self {
            status,
            code: rejected.code,
            name: rejected.name,
            class: rejected.class,
            message: rejected.message,
        }
    }

    /// The caller has to prove who they are.
    pub(crate) fn unauthenticated(message: impl ToString) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
    }

    /// The request does not say what it should.
    pub(crate) fn malformed(message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::Malformed, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(Body {
            code: self.code,
            name: &self.name,
            class: self.class,
            message: &self.message,
        });
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1: a 401 names the scheme that would do.
            return (self.status, [(header::WWW_AUTHENTICATE, "Bearer")], body).into_response();
        }
        (self.status, body).into_response()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self { status: rejection.status(), ..Self::malformed(rejection.body_text()) }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, rejection.body_text())
    }
}
