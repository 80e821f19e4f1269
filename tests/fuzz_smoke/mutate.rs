//! Inputs made from others, by a generator that gives the same ones for the same seed everywhere.

use strongroom::kernel::cbor::{Bounds, Value, decode, encode};

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).expect("below a usize")
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// One input: a vector with some bytes changed, or with some values changed if it is CBOR.
pub(crate) fn input(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let base = random.pick(corpus).clone();
    if random.below(2) == 0
        && let Ok(mut value) = decode(&base, Bounds::bytes(1 << 20))
    {
        for _ in 0..=random.below(3) {
            change_value(random, &mut value);
        }
        return encode(&value);
    }
    let mut bytes = base;
    for _ in 0..=random.below(4) {
        change_bytes(random, &mut bytes, corpus);
    }
    bytes
}

/// Bytes that mean something to one of the formats.
const TELLING: &[u8] =
    b"\x00\x01\x17\x18\x19\x1a\x1b\x20\x40\x58\x5f\x60\x78\x7f\x80\x9f\xa0\xbf\xc2\xf4\xf6\xf9\xff./\\:@-_=\"{}\n";

fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = random.below(bytes.len());
    match random.below(8) {
        _ if bytes.is_empty() => bytes.push(*random.pick(TELLING)),
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = *random.pick(TELLING),
        2 => bytes.insert(at, *random.pick(TELLING)),
        3 => {
            bytes.remove(at);
        }
        4 => bytes.truncate(at),
        5 => bytes[at] = bytes[at].wrapping_add(if random.below(2) == 0 { 1 } else { 255 }),
        6 => {
            let end = (at + 1 + random.below(16)).min(bytes.len());
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        _ => {
            let other = random.pick(corpus);
            let from = random.below(other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}

const TEXTS: [&str; 12] = [
    "",
    ".",
    "..",
    "../x",
    "/x",
    "a",
    "a/b",
    "acme/reports",
    "755",
    "directory",
    "application/octet-stream",
    "vnd.strongroom.x",
];

fn fresh(random: &mut Random) -> Value {
    match random.below(7) {
        0 => Value::Unsigned(random.next() >> random.below(64)),
        1 => Value::Negative(-1),
        2 => Value::Bytes(vec![7; *random.pick(&[0, 16, 31, 32, 33])]),
        3 => Value::Map(vec![]),
        4 => Value::Null,
        _ => Value::text(random.pick(&TEXTS)),
    }
}

/// Walks down at random and changes what it comes to.
fn change_value(random: &mut Random, value: &mut Value) {
    match value {
        Value::Map(entries) if !entries.is_empty() && random.below(5) > 0 => {
            let at = random.below(entries.len());
            change_value(random, &mut entries[at].1);
        }
        Value::Array(items) if !items.is_empty() && random.below(5) > 0 => {
            let at = random.below(items.len());
            change_value(random, &mut items[at]);
        }
        Value::Map(entries) => change_map(random, entries),
        Value::Array(items) => match random.below(3) {
            0 => items.clear(),
            1 => items.extend(items.last().cloned()),
            _ => items.reverse(),
        },
        Value::Text(text) if random.below(3) > 0 => change_text(random, text),
        Value::Unsigned(n) if random.below(3) > 0 => *n = n.wrapping_add(random.next() >> random.below(64)),
        Value::Bytes(bytes) if !bytes.is_empty() && random.below(3) > 0 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1;
        }
        other => *other = fresh(random),
    }
}

fn change_map(random: &mut Random, entries: &mut Vec<(String, Value)>) {
    let at = random.below(entries.len());
    match random.below(3) {
        0 if !entries.is_empty() => {
            entries.remove(at);
        }
        1 if !entries.is_empty() => {
            let mut key = entries[at].0.clone();
            change_text(random, &mut key);
            if entries.iter().all(|(known, _)| *known != key) {
                entries[at].0 = key;
            }
        }
        _ => {
            let key = random.pick(&TEXTS).to_string();
            if entries.iter().all(|(known, _)| *known != key) {
                let value = fresh(random);
                entries.push((key, value));
            }
        }
    }
}

fn change_text(random: &mut Random, text: &mut String) {
    let mut characters: Vec<char> = text.chars().collect();
    let at = random.below(characters.len() + 1);
    let new = char::from(*random.pick(b"a0./\\:-_\0\n@A"));
    match random.below(3) {
        0 => characters.insert(at, new),
        1 if at < characters.len() => characters[at] = new,
        _ if at < characters.len() => {
            characters.remove(at);
        }
        _ => characters.extend(random.pick(&TEXTS).chars()),
    }
    *text = characters.into_iter().collect();
}
