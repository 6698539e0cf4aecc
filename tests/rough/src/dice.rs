//! Choices that follow from a seed.

/// SplitMix64 (Steele, Lea, Flood 2014): one seed, one sequence.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True once in `n` times; always for one, never for zero.
    pub(crate) const fn one_in(&mut self, n: u64) -> bool {
        n != 0 && self.draw().is_multiple_of(n)
    }

    /// A number of a range, both ends included.
    pub(crate) const fn within(&mut self, [least, most]: [u64; 2]) -> u64 {
        let span = most.saturating_sub(least).saturating_add(1);
        least + self.draw() % span
    }
}
