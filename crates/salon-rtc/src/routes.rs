//! Which session a datagram belongs to.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

use crate::table::Key;

/// Our half of a session's ICE user name: 64 random bits, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Fragment(pub(crate) u64);

impl Fragment {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 16 {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How many addresses of one peer are remembered. A browser checks from one or two per interface.
const ADDRESSES_MAX: usize = 8;

/// Which session a datagram belongs to.
///
/// A binding request names its session by fragment. Everything else belongs to the session that has
/// answered its source before; a session answers only what it has authenticated, so an address
/// cannot be claimed by writing its number on a datagram.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_fragment: HashMap<Fragment, Key>,
    by_address: HashMap<SocketAddr, Key>,
    // Invariant: at most ADDRESSES_MAX each, oldest first; every one of them maps to its key.
    addresses: HashMap<Key, Vec<SocketAddr>>,
}

impl Routes {
    pub(crate) fn add(&mut self, fragment: Fragment, key: Key) {
        self.by_fragment.insert(fragment, key);
    }

    pub(crate) fn fragment(&self, fragment: Fragment) -> Option<Key> {
        self.by_fragment.get(&fragment).copied()
    }

    pub(crate) fn address(&self, address: SocketAddr) -> Option<Key> {
        self.by_address.get(&address).copied()
    }

    /// From now on `address` belongs to this session.
    pub(crate) fn learn(&mut self, address: SocketAddr, key: Key) {
        match self.by_address.insert(address, key) {
            Some(previous) if previous == key => return,
            Some(previous) => self.forget(address, previous),
            None => {}
        }
        let addresses = self.addresses.entry(key).or_default();
        addresses.push(address);
        if addresses.len() > ADDRESSES_MAX {
            let oldest = addresses.remove(0);
            self.by_address.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, fragment: Fragment, key: Key) {
        self.by_fragment.remove(&fragment);
        for address in self.addresses.remove(&key).unwrap_or_default() {
            self.by_address.remove(&address);
        }
    }

    fn forget(&mut self, address: SocketAddr, key: Key) {
        if let Some(addresses) = self.addresses.get_mut(&key) {
            addresses.retain(|known| *known != address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn an_address_belongs_to_the_session_that_answered_it_last() {
        let (mut routes, mut table) = (Routes::default(), Table::default());
        let (first, second) = (table.insert(()), table.insert(()));
        routes.add(Fragment(1), first);
        routes.learn(address(1), first);
        routes.learn(address(1), second);
        assert_eq!(routes.address(address(1)), Some(second));
        routes.remove(Fragment(1), first);
        assert_eq!(routes.fragment(Fragment(1)), None);
        assert_eq!(routes.address(address(1)), Some(second));
    }

    #[test]
    fn a_ninth_address_pushes_out_the_first() {
        let (mut routes, mut table) = (Routes::default(), Table::default());
        let key = table.insert(());
        for port in 1..=9 {
            routes.learn(address(port), key);
        }
        assert_eq!(routes.address(address(1)), None);
        assert_eq!(routes.address(address(9)), Some(key));
        routes.remove(Fragment(1), key);
        assert!(routes.by_address.is_empty());
    }

    #[test]
    fn fragments_round_trip() {
        let fragment = Fragment(0x00ff_0000_0000_0001);
        assert_eq!(Fragment::parse(&fragment.to_string()), Some(fragment));
        assert_eq!(Fragment::parse("1"), None);
        assert_eq!(Fragment::parse("zz00000000000000"), None);
    }
}
