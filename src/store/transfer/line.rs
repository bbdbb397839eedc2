//! A row as one line of JSON, the same for the same row whatever engine it comes from. Pure.

use std::fmt::Write as _;

use crate::domain::outbox::EventType;

use super::tables::{NUMBERED, Table};
use super::{Cell, Marks, Row};

/// The row as a JSON object: `table`, then every column that is not null, in the table's order. Ids as usual, bytes
/// and vectors (f32, little-endian) in hexadecimal.
pub(super) fn of_row(table: &Table, row: &Row) -> String {
    let mut line = String::with_capacity(128);
    // Writing to a String cannot fail.
    let _ = write!(line, r#"{{"table":"{}""#, table.name);
    for (column, cell) in table.columns.iter().zip(row) {
        if *cell == Cell::Null {
            continue;
        }
        let _ = write!(line, r#","{}":"#, column.name);
        match cell {
            Cell::Null => {}
            Cell::Integer(number) => drop(write!(line, "{number}")),
            Cell::Flag(flag) => drop(write!(line, "{flag}")),
            Cell::Text(text) => line.push_str(&serde_json::Value::from(text.as_str()).to_string()),
            Cell::Bytes(bytes) => hexadecimal(&mut line, bytes.iter().copied()),
            Cell::Id(id) => drop(write!(line, r#""{id}""#)),
            Cell::Vector(vector) => hexadecimal(&mut line, vector.iter().flat_map(|number| number.to_le_bytes())),
        }
    }
    line.push('}');
    line
}

/// Bytes as a line has them, without the marks around.
pub(super) fn hexadecimal_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    hexadecimal(&mut text, bytes.iter().copied());
    text.trim_matches('"').to_owned()
}

fn hexadecimal(line: &mut String, bytes: impl Iterator<Item = u8>) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    line.push('"');
    for byte in bytes {
        line.push(char::from(DIGITS[usize::from(byte >> 4)]));
        line.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    line.push('"');
}

/// The marks as one JSON object.
pub(super) fn of_marks(marks: &Marks) -> String {
    let named = |names: &[&str], numbers: &[i64]| {
        let pairs = names.iter().zip(numbers).map(|(name, number)| format!(r#""{name}":{number}"#));
        pairs.collect::<Vec<_>>().join(",")
    };
    let types = EventType::ALL.map(EventType::as_str);
    format!(
        r#"{{"table":"marks","last_numbers":{{{}}},"processed_events":{{{}}},"outbox_pruned_before":{}}}"#,
        named(&NUMBERED, &marks.last_numbers),
        named(&types, &marks.processed_events),
        marks.outbox_pruned_before
    )
}

/// The last line of an export: how many lines stand before it, and their SHA-256, line ends included.
pub(super) fn of_end(lines: u64, sha256: [u8; 32]) -> String {
    let mut line = format!(r#"{{"table":"end","lines":{lines},"sha256":"#);
    hexadecimal(&mut line, sha256.into_iter());
    line.push('}');
    line
}

#[cfg(test)]
mod tests {
    use super::super::TABLES;
    use super::*;

    #[test]
    fn rows_are_told_as_json() {
        let table = TABLES.iter().find(|table| table.name == "embedding").expect("table");
        let line = of_row(table, &vec![Cell::Integer(7), Cell::Integer(1), Cell::Vector(vec![1.0, -0.5])]);
        assert_eq!(line, r#"{"table":"embedding","chunk_id":7,"model_seq":1,"vector":"0000803f000000bf"}"#);
        let table = TABLES.iter().find(|table| table.name == "folder").expect("table");
        let row = vec![Cell::Text("/a \"b\"\n\u{1f980}\u{202e}".into()), Cell::Null, Cell::Integer(1)];
        let line = of_row(table, &row);
        assert_eq!(line, "{\"table\":\"folder\",\"path\":\"/a \\\"b\\\"\\n\u{1f980}\u{202e}\",\"added_at\":1}");
        let parsed: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(parsed["path"], "/a \"b\"\n\u{1f980}\u{202e}");
        let marks = Marks { last_numbers: vec![1; 6], processed_events: vec![2; 5], outbox_pruned_before: 3 };
        let parsed: serde_json::Value = serde_json::from_str(&of_marks(&marks)).expect("JSON");
        let end = of_end(7, [0xab; 32]);
        assert_eq!(end, format!(r#"{{"table":"end","lines":7,"sha256":"{}"}}"#, "ab".repeat(32)));
        assert_eq!(
            (&parsed["last_numbers"]["chunk"], &parsed["processed_events"]["entity_deleted"]),
            (&1.into(), &2.into())
        );
    }
}
