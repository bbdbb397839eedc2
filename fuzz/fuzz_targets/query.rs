//! Any text as a query: it is always taken apart, never refused.

#![cfg_attr(fuzzing, no_main)]

use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use peanut::search::query;

fuzz_target!(|input: (i32, &str)| {
    let (seconds, text) = input;
    let now = Timestamp::from_second(i64::from(seconds)).map(|moment| moment.to_zoned_datetime(TimeZone::UTC));
    if let Ok(now) = now {
        let _ = query::parse(text, &now);
    }
});
