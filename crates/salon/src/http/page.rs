//! The page: plain files compiled into the binary, served with a strict policy.

use axum::extract::{OriginalUri, Path};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

/// Everything comes from here, nothing is inline; media plays from blobs, and the camera is allowed.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
     connect-src 'self' ws: wss:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'";

/// One file of the page.
struct Asset {
    name: &'static str,
    body: &'static str,
}

macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        &[$(Asset { name: $name, body: include_str!(concat!("../../page/", $name)) }),+]
    };
}

/// The document everything starts from.
const INDEX: Asset = Asset { name: "index.html", body: include_str!("../../page/index.html") };

const ASSETS: &[Asset] = assets![
    "after.js",
    "api.js",
    "badge.js",
    "camera.js",
    "dom.js",
    "feed.js",
    "guests.js",
    "hearts.js",
    "home.js",
    "icon.svg",
    "icons.js",
    "join.js",
    "live.js",
    "local.js",
    "main.js",
    "media.js",
    "people.js",
    "preview.js",
    "salon.js",
    "session.js",
    "sizes.js",
    "stats.js",
    "strings.en.js",
    "strings.fr.js",
    "strings.js",
    "style.css",
    "tile.js",
    "view.js",
];

/// `GET /`: the page. Its links are relative, so the address has to end with a slash.
pub(super) async fn index(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    if uri.path().ends_with('/') {
        return serve(&INDEX, &headers);
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("{}/{query}", uri.path())).into_response()
}

/// `GET assets/{file}`: one file of the page.
pub(super) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == file) {
        Some(asset) => serve(asset, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn serve(asset: &Asset, request: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", &blake3::hash(asset.body.as_bytes()).to_hex()[..16]);
    let fresh = request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let headers = [
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CONTENT_TYPE, content_type(asset.name)),
        (ETAG, &etag),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if fresh {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, asset.body).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
