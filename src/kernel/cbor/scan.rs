//! A walk over the heads of an item that builds nothing, so that bounds hold before memory is spent.
//!
//! Every value of one byte becomes dozens in memory; a small input of many values, or of deep ones, is refused here.
//! So is whatever can be told from a head alone: what the data model lacks, and indefinite lengths. All else (order of
//! keys, shortest forms, UTF-8, what follows the item) is for the decoder.

use super::{Bounds, Error};

/// Checks bounds and kinds of every value of the item at the beginning of `bytes`.
pub(super) fn scan(bytes: &[u8], bounds: Bounds) -> Result<(), Error> {
    let mut at = 0;
    let mut items = 0;
    // Values that are still to come, of each array and map that is open; a key and its value count as two.
    let mut open: Vec<u64> = Vec::with_capacity(bounds.depth);
    loop {
        items += 1;
        if items > bounds.items {
            return Err(Error::TooComplex);
        }
        let head = Head::read(bytes, at)?;
        at = head.end;
        match head.major {
            2 | 3 => at = skip(bytes, at, head.argument)?,
            4 => open.push(head.argument),
            5 => open.push(head.argument.checked_mul(2).ok_or(Error::Malformed(at))?),
            _ => {}
        }
        if open.len() > bounds.depth {
            return Err(Error::TooComplex);
        }
        // Close what is complete, then take the next value of what is not.
        loop {
            match open.last_mut() {
                None => return Ok(()),
                Some(0) => {
                    open.pop();
                }
                Some(left) => {
                    *left -= 1;
                    break;
                }
            }
        }
    }
}

fn skip(bytes: &[u8], at: usize, length: u64) -> Result<usize, Error> {
    let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length));
    end.filter(|end| *end <= bytes.len()).ok_or(Error::Malformed(at))
}

pub(super) struct Head {
    pub(super) major: u8,
    pub(super) argument: u64,
    pub(super) end: usize,
}

impl Head {
    /// RFC 8949 section 3: three bits of major type, five that are the argument or say how long it is.
    pub(super) fn read(bytes: &[u8], at: usize) -> Result<Self, Error> {
        let malformed = || Error::Malformed(at);
        let first = *bytes.get(at).ok_or_else(malformed)?;
        let (major, short) = (first >> 5, first & 0x1f);
        match (major, short) {
            (6, 0..=27) => return Err(Error::Forbidden("tags")),
            (7, 25..=27) => return Err(Error::Forbidden("floats")),
            (7, 0..=19 | 23 | 24) => return Err(Error::Forbidden("other simple values")),
            (2..=5, 31) => return Err(Error::NotCanonical),
            _ => {}
        }
        let width = match short {
            0..=23 => 0,
            24..=27 => 1 << (short - 24),
            _ => return Err(malformed()),
        };
        let end = at + 1 + width;
        let following = bytes.get(at + 1..end).ok_or_else(malformed)?;
        let argument = match width {
            0 => u64::from(short),
            _ => following.iter().fold(0, |argument, byte| argument << 8 | u64::from(*byte)),
        };
        Ok(Self { major, argument, end })
    }
}
