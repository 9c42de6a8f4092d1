//! Ids of objects: of an inventory, and of all objects that it knows.

/// An object of an inventory: an index into its list of objects, valid only for that inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(u32);

impl ObjectId {
    /// The object at this index of [`Inventory::objects`](super::Inventory::objects).
    pub fn new(index: usize) -> Self {
        // There is never enough memory for so many objects; the maximum is not a valid index either.
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The index in the list of objects.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The object before it.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

/// An object of the inventory or of another file: the latter are numbered after the inventory's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct KnownId(u32);

impl KnownId {
    /// The object at this index of both lists, one after the other.
    pub(super) fn new(index: usize) -> Self {
        Self(ObjectId::new(index).0)
    }

    /// The index in both lists.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The id in an inventory with `count` objects; `None` for an object of another file.
    pub(super) fn own(self, count: usize) -> Option<ObjectId> {
        (self.index() < count).then_some(ObjectId(self.0))
    }
}
