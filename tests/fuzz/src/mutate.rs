//! Inputs that are almost right: what an encoder wrote, with a few changes. The same seed gives the same inputs.

/// Numbers that codecs stumble over, in as many bytes as they have; big endian, and turned around as well.
const ODD: [&[u8]; 12] = [
    &[0],
    &[0x7f],
    &[0x80],
    &[0xff],
    &[0x7f, 0xff],
    &[0xff, 0xff],
    &[0x00, 0x01],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x00, 0x00, 0x00, 0x01],
    &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

/// Draws numbers: splitmix64, by Sebastiano Vigna.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// From a seed and a name, so that each target has numbers of its own.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(seed, |state, byte| state.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte)))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// One below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % (bound.max(1) as u64)).unwrap_or_default()
    }
}

/// One of the seeds with one to four changes, of at most `longest` bytes.
#[must_use]
pub fn mutated(seeds: &[Vec<u8>], longest: usize, draw: &mut Draw) -> Vec<u8> {
    let pick = |draw: &mut Draw| seeds.get(draw.below(seeds.len())).cloned().unwrap_or_default();
    let mut bytes = pick(draw);
    for _ in 0..1 + draw.below(4) {
        let at = draw.below(bytes.len() + 1);
        let end = at + draw.below(bytes.len() - at + 1).min(64);
        match draw.below(9) {
            0 => change(&mut bytes, at, |byte| byte ^ 1 << (at % 8)),
            1 => {
                let new = draw.number().to_le_bytes()[0];
                change(&mut bytes, at, |_| new);
            }
            2 => change(&mut bytes, at, |byte| byte.wrapping_add(1)),
            3 => overwrite(&mut bytes, at, draw),
            4 => drop(bytes.drain(at..end)),
            5 => bytes.truncate(at),
            6 => {
                let copied = bytes[at..end].to_vec();
                let place = draw.below(bytes.len() + 1);
                bytes.splice(place..place, copied);
            }
            7 => {
                let new: Vec<u8> = (0..1 + draw.below(8)).map(|_| draw.number().to_le_bytes()[0]).collect();
                bytes.splice(at..at, new);
            }
            _ => {
                let other = pick(draw);
                let from = draw.below(other.len() + 1);
                bytes.splice(at..end, other[from..].iter().copied());
            }
        }
    }
    bytes.truncate(longest);
    bytes
}

fn change(bytes: &mut [u8], at: usize, new: impl Fn(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = new(*byte);
    }
}

/// Puts an odd number in the place of what is there.
fn overwrite(bytes: &mut [u8], at: usize, draw: &mut Draw) {
    let mut odd = ODD[draw.below(ODD.len())].to_vec();
    if draw.below(2) == 0 {
        odd.reverse();
    }
    for (place, new) in bytes.iter_mut().skip(at).zip(odd) {
        *place = new;
    }
}
