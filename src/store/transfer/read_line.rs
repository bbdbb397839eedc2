//! A line of an export as a row again: the way back of `line`. Pure.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::outbox::EventType;

use super::tables::{Column, Kind, NUMBERED, TABLES, Table};
use super::{Cell, Marks, Row};

/// What one line says.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// A row of a table, by the table's number.
    Row(usize, Row),
    /// What the store remembered beside its rows.
    Marks(Marks),
    /// The last one: so many lines stand before it, with this SHA-256.
    End { lines: u64, sha256: String },
}

/// Reads one line.
///
/// # Errors
/// In words, when it is no line of an export that this version reads.
pub(super) fn line(text: &str) -> Result<Line, String> {
    let mut object: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = object.remove("table");
    let name = name.as_ref().and_then(Value::as_str).ok_or("it names no table")?;
    match name {
        "end" => {
            let lines =
                object.get("lines").and_then(Value::as_u64).ok_or("it does not say how many lines there are")?;
            let sha256 = object.get("sha256").and_then(Value::as_str).ok_or("it has no checksum")?.to_owned();
            Ok(Line::End { lines, sha256 })
        }
        "marks" => marks(&object).map(Line::Marks),
        name => {
            let at = TABLES.iter().position(|table| table.name == name);
            let (at, table) = at.and_then(|at| Some((at, TABLES.get(at)?))).ok_or_else(|| newer("table", name))?;
            row(table, object).map(|row| Line::Row(at, row))
        }
    }
}

fn newer(what: &str, name: &str) -> String {
    format!("the {what} {name} is not known to this version: the export was written by a newer Peanut, update this one")
}

fn row(table: &Table, mut object: Map<String, Value>) -> Result<Row, String> {
    let cells = table.columns.iter().map(|column| {
        let value = object.remove(column.name);
        value.map_or(Ok(Cell::Null), |value| {
            cell(column, value).ok_or_else(|| format!("{}.{} is not what it should be", table.name, column.name))
        })
    });
    let row = cells.collect::<Result<Row, String>>()?;
    match object.keys().next() {
        None => Ok(row),
        Some(unknown) => Err(newer("column", &format!("{}.{unknown}", table.name))),
    }
}

fn cell(column: &Column, value: Value) -> Option<Cell> {
    Some(match (column.kind, value) {
        (Kind::Integer, value) => Cell::Integer(value.as_i64()?),
        (Kind::Flag, Value::Bool(flag)) => Cell::Flag(flag),
        (Kind::Text | Kind::Key, Value::String(text)) => Cell::Text(text),
        (Kind::Bytes, Value::String(text)) => Cell::Bytes(bytes(&text)?),
        (Kind::Id, Value::String(text)) => Cell::Id(Uuid::parse_str(&text).ok()?),
        (Kind::Vector, Value::String(text)) => {
            let bytes = bytes(&text)?;
            let numbers = bytes.chunks_exact(4).map(|four| four.try_into().map(f32::from_le_bytes));
            Cell::Vector(numbers.collect::<Result<_, _>>().ok()?)
        }
        _ => return None,
    })
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hexadecimal.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

fn marks(object: &Map<String, Value>) -> Result<Marks, String> {
    let numbers = |field: &str, names: &[&str]| {
        let held = object.get(field).and_then(Value::as_object).ok_or_else(|| format!("{field} is missing"))?;
        Ok::<_, String>(names.iter().map(|name| held.get(*name).and_then(Value::as_i64).unwrap_or(0)).collect())
    };
    let types = EventType::ALL.map(EventType::as_str);
    Ok(Marks {
        last_numbers: numbers("last_numbers", &NUMBERED)?,
        processed_events: numbers("processed_events", &types)?,
        outbox_pruned_before: object.get("outbox_pruned_before").and_then(Value::as_i64).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::line as write;
    use super::*;

    #[test]
    fn every_row_comes_back_as_it_went() {
        for (at, table) in TABLES.iter().enumerate() {
            let full = table.columns.iter().enumerate().map(|(number, column)| match column.kind {
                Kind::Integer => Cell::Integer(i64::MAX - i64::try_from(number).unwrap()),
                Kind::Flag => Cell::Flag(number % 2 == 0),
                Kind::Text | Kind::Key => Cell::Text("a \"b\"\n\\ \u{1f980}\u{202e}".into()),
                Kind::Bytes => Cell::Bytes(vec![0, 255, 16]),
                Kind::Id => Cell::Id(Uuid::from_u128(7)),
                Kind::Vector => Cell::Vector(vec![1.5, -0.25, f32::MIN_POSITIVE]),
            });
            let full: Row = full.collect();
            assert_eq!(line(&write::of_row(table, &full)), Ok(Line::Row(at, full)), "{}", table.name);
            let empty: Row = table.columns.iter().map(|_| Cell::Null).collect();
            assert_eq!(line(&write::of_row(table, &empty)), Ok(Line::Row(at, empty)), "{}", table.name);
        }
        let types = i64::try_from(EventType::ALL.len()).unwrap();
        let marks =
            Marks { last_numbers: (1..=6).collect(), processed_events: (0..types).collect(), outbox_pruned_before: 3 };
        assert_eq!(line(&write::of_marks(&marks)), Ok(Line::Marks(marks)));
        assert_eq!(line(&write::of_end(7, [1; 32])), Ok(Line::End { lines: 7, sha256: "01".repeat(32) }));
    }

    #[test]
    fn what_is_no_line_is_refused_in_words() {
        for (text, told) in [
            ("", "EOF"),
            ("{}", "names no table"),
            (r#"{"table":"later"}"#, "newer Peanut"),
            (r#"{"table":"folder","path":"/a","colour":"red"}"#, "folder.colour"),
            (r#"{"table":"folder","path":7}"#, "folder.path is not what it should be"),
            (r#"{"table":"person","id":"nothing"}"#, "person.id"),
            (r#"{"table":"document","content_sha256":"0g"}"#, "document.content_sha256"),
            (r#"{"table":"document","content_sha256":"abc"}"#, "document.content_sha256"),
        ] {
            let refused = line(text).unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
        }
    }
}
