//! The wire, from outside: what is written, what is read, what is refused, and what a client makes of it.

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod refusal;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod view;
