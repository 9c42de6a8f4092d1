//! Which object is meant: of an inventory, and of all that it knows.

/// An object of an inventory: an index into its list of objects, good for that inventory alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(u32);

impl ObjectId {
    /// The object at a place of [`Inventory::objects`](super::Inventory::objects).
    pub fn new(index: usize) -> Self {
        // No memory holds so many objects; were it otherwise, the last one is in no list either.
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The place in the list of objects.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The object before it.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

/// An object of the inventory or of a file beside it: the latter are counted behind the inventory's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KnownId(u32);

impl KnownId {
    /// The object at a place of both lists, one behind the other.
    pub(super) fn new(index: usize) -> Self {
        Self(ObjectId::new(index).0)
    }

    /// The place in both lists.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// Which object of the inventory it is, of one with so many; `None` for one of a file beside it.
    pub(super) fn own(self, count: usize) -> Option<ObjectId> {
        (self.index() < count).then_some(ObjectId(self.0))
    }
}
