//! Where sessions live: a table whose keys are never used twice.

/// A place in a [`Table`], and which of its tenants is meant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    place: u32,
    tenant: u32,
}

impl Key {
    pub(crate) const fn to_u64(self) -> u64 {
        (self.tenant as u64) << 32 | self.place as u64
    }

    pub(crate) const fn from_u64(bits: u64) -> Self {
        Self { place: bits as u32, tenant: (bits >> 32) as u32 }
    }
}

/// A table whose lookups are an index and a comparison, for the packet path.
#[derive(Debug)]
pub(crate) struct Table<T> {
    places: Vec<Place<T>>,
    // Invariant: exactly the places without content.
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    tenant: u32,
    content: Option<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, content: T) -> Key {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { tenant: 0, content: None });
            u32::try_from(self.places.len() - 1).expect("fewer than 2^32 sessions exist at once")
        });
        let entry = &mut self.places[place as usize];
        entry.tenant = entry.tenant.wrapping_add(1);
        entry.content = Some(content);
        Key { place, tenant: entry.tenant }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.places.get_mut(key.place as usize)?;
        if entry.tenant == key.tenant { entry.content.as_mut() } else { None }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let entry = self.places.get(key.place as usize)?;
        if entry.tenant == key.tenant { entry.content.as_ref() } else { None }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.places.get_mut(key.place as usize)?;
        if entry.tenant != key.tenant {
            return None;
        }
        let content = entry.content.take()?;
        self.free.push(key.place);
        Some(content)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.places
            .iter()
            .zip(0..)
            .filter(|(place, _)| place.content.is_some())
            .map(|(place, number)| Key { place: number, tenant: place.tenant })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_outlive_its_tenant() {
        let mut table = Table::default();
        let first = table.insert('a');
        assert_eq!(table.remove(first), Some('a'));
        let second = table.insert('b');
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&'b'));
        assert_eq!(Key::from_u64(second.to_u64()), second);
        assert_eq!(table.keys().collect::<Vec<_>>(), vec![second]);
    }
}
