//! How much memory everything takes together that gateways have sent.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of messages that have not arrived completely, on all connections of this process.
pub(super) static ARRIVING: Budget = Budget::of(64 << 20);

/// What arrived and was not taken yet, on all connections of this process.
pub(super) static WAITING: Budget = Budget::of(64 << 20);

/// A number of bytes that many share.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    taken: AtomicUsize,
}

impl Budget {
    const fn of(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0) }
    }

    /// Whether more was taken than there is.
    pub(super) fn is_exceeded(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.most
    }

    /// Whether more than half is taken.
    pub(super) fn is_scarce(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.most / 2
    }
}

/// A part of a budget, which is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: &'static Budget,
    bytes: usize,
}

impl Share {
    /// An empty share.
    pub(super) const fn of(budget: &'static Budget) -> Self {
        Self { budget, bytes: 0 }
    }

    /// How large it is.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it this large.
    pub(super) fn set(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            self.budget.taken.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.budget.taken.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_all_shares() {
        static SMALL: Budget = Budget::of(10);
        let (mut one, mut two) = (Share::of(&SMALL), Share::of(&SMALL));
        one.set(8);
        two.set(5);
        assert!(SMALL.is_exceeded());
        one.set(3);
        assert!(!SMALL.is_exceeded());
        one.set(20);
        drop(one);
        assert!(!SMALL.is_exceeded());
        assert_eq!(SMALL.taken.load(Ordering::Relaxed), 5);
    }
}
