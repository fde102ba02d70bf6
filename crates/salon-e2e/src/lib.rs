//! Scenarios with real browsers against the real server.
//!
//! * [`scenario`]: [`run`](scenario::run) wraps a test: it skips loudly without its browsers, and keeps logs, statistics
//!   and pictures of a failure under `target/e2e-failures`.
//! * [`browser`] and [`page`]: Chromium and Firefox with fake cameras, driven over the DevTools protocol and over
//!   WebDriver BiDi; [`tool`]: whether they are there.
//! * [`person`]: the product's controls as verbs.
//! * [`server`]: the `live` example in a process of its own, to be stopped, killed and started again.
//! * [`relay`]: a path to the server that loses media; [`playback`]: what reached a page over a while.
//! * [`aiortc`]: a viewer that shares no code with any browser.
//! * [`http`] and [`websocket`]: clients that may also say what no browser would.
//!
//! Each scenario is one file of `tests/` with one test, so that cargo runs them one after another: real-time media
//! on few cores tolerates no neighbour. People who only publish may share a browser process; everyone whose
//! reception is measured gets one of their own.

pub mod aiortc;
mod artifacts;
mod bidi;
pub mod browser;
mod cdp;
mod chromium;
mod connection;
mod firefox;
pub mod http;
mod network;
pub mod page;
pub mod person;
pub mod playback;
pub mod relay;
pub mod scenario;
pub mod server;
mod tab;
mod target;
pub mod tool;
pub mod websocket;

pub use browser::Browser;
pub use page::Page;
pub use person::Person;
pub use scenario::Scenario;
pub use server::Server;
