//! Payment providers: the trait, and a sandbox that behaves like a real one.
