//! Lines, and the frames of server-sent events (WHATWG HTML, section 9.2.6) that are made of them.
//!
//! Of a frame only `data` is kept: our events have position and type inside. Comments and other fields are skipped.

/// A line that has no end within the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Bytes to lines; the end of the last is waited for.
#[derive(Debug)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    max_bytes: usize,
}

impl Lines {
    pub(super) const fn new(max_bytes: usize) -> Self {
        Self { buffer: Vec::new(), max_bytes }
    }

    /// Forgets the beginning of a line whose end will not come.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// The lines that end in these bytes, without their ends.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.buffer.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = String::from_utf8_lossy(&self.buffer);
            lines.push(line.strip_suffix('\r').unwrap_or(&line).to_owned());
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(rest);
        if self.buffer.len() > self.max_bytes { Err(TooLong) } else { Ok(lines) }
    }
}

/// The frame that is being read.
#[derive(Debug, Default)]
pub(super) struct Frame {
    data: String,
}

impl Frame {
    /// Takes a line; the data, if it ended a frame that has any.
    pub(super) fn take(&mut self, line: &str) -> Option<String> {
        if line.is_empty() {
            return Some(std::mem::take(&mut self.data)).filter(|data| !data.is_empty());
        }
        if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(chunks: &[&str]) -> Vec<String> {
        let (mut lines, mut frame) = (Lines::new(100), Frame::default());
        let chunks = chunks.iter().flat_map(|chunk| lines.take(chunk.as_bytes()).unwrap());
        let chunks: Vec<String> = chunks.collect();
        chunks.iter().filter_map(|line| frame.take(line)).collect()
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let whole = ": hello\n\nid: 7\nevent: tag.set\ndata: {\"a\":1}\n\ndata: x\r\ndata:y\r\n\r\n";
        let expected = ["{\"a\":1}", "x\ny"];
        assert_eq!(data(&[whole]), expected);
        for cut in 0..whole.len() {
            let (left, right) = whole.split_at(cut);
            assert_eq!(data(&[left, right]), expected, "cut at {cut}");
        }
        assert_eq!(data(&["data: unfinished\n"]), Vec::<String>::new());
    }

    #[test]
    fn a_line_without_end_is_not_kept_for_ever() {
        let mut lines = Lines::new(10);
        assert_eq!(lines.take(b"0123456789"), Ok(vec![]));
        assert_eq!(lines.take(b"0"), Err(TooLong));
    }
}
