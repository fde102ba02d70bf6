//! Values in one piece of memory, each under a small number that stays the same while it is there.

/// A list with holes: what is put in keeps its number, and numbers are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    // Invariant: `free` holds exactly the numbers of the empty entries.
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts a value in and returns its number.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.entries[at as usize] = Some(value);
            return at;
        }
        let at =
            u32::try_from(self.entries.len()).expect("the fan-out limits its tracks and sinks");
        self.entries.push(Some(value));
        at
    }

    /// Takes a value out.
    pub(crate) fn remove(&mut self, at: u32) -> T {
        let value = self.entries[at as usize].take().expect("numbers lead to values");
        self.free.push(at);
        value
    }

    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        self.entries.get(at as usize)?.as_ref()
    }

    /// The value under a number that is known to be in use.
    pub(crate) fn at(&mut self, at: u32) -> &mut T {
        self.entries[at as usize].as_mut().expect("numbers lead to values")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.entries).filter_map(|(at, entry)| Some((at, entry.as_ref()?)))
    }
}
