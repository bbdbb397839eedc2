use std::time::Duration;

use governor::clock::FakeRelativeClock;

use super::*;

fn limits(per_address_per_minute: u32, per_key_per_minute: u32) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Limits::on(LimitOptions { per_address_per_minute, per_key_per_minute }, clock.clone()), clock)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn passed(limits: &Limits<FakeRelativeClock>, from: &str, tries: usize) -> usize {
    (0..tries).filter(|_| limits.check_address(address(from)).is_ok()).count()
}

#[test]
fn a_minutes_worth_passes_then_waits_in_whole_seconds() {
    let (limits, clock) = limits(100, 0);
    assert_eq!(passed(&limits, "192.0.2.1", 150), 100);
    assert_eq!(passed(&limits, "192.0.2.2", 150), 100, "another address has its own");
    let refused = limits.check_address(address("192.0.2.1")).unwrap_err();
    assert_eq!(refused, AuthError::TooMany { retry_after_seconds: 1 });
    clock.advance(Duration::from_secs(1));
    assert_eq!(passed(&limits, "192.0.2.1", 5), 1, "100 a minute are 1.67 a second");
    clock.advance(Duration::from_secs(60));
    assert_eq!(passed(&limits, "192.0.2.1", 150), 100);
}

#[test]
fn whoever_waits_as_long_as_told_passes() {
    for per_minute in [1, 7, 60, 1000] {
        let (limits, clock) = limits(per_minute, 0);
        assert_eq!(passed(&limits, "192.0.2.1", per_minute as usize + 1), per_minute as usize);
        let AuthError::TooMany { retry_after_seconds } = limits.check_address(address("192.0.2.1")).unwrap_err() else {
            panic!("refused for another reason");
        };
        clock.advance(Duration::from_secs(retry_after_seconds));
        assert_eq!(
            limits.check_address(address("192.0.2.1")),
            Ok(()),
            "{per_minute} a minute, {retry_after_seconds} s"
        );
    }
}

#[test]
fn zero_lets_everybody_through() {
    let (limits, _) = limits(0, 0);
    assert_eq!(passed(&limits, "192.0.2.1", 10_000), 10_000);
    assert!((0..10_000).all(|_| limits.check_key("k1", None).is_ok()));
}

#[test]
fn keys_have_a_limit_of_their_own() {
    let (limits, _) = limits(0, 5);
    assert_eq!((0..9).filter(|_| limits.check_key("k1", None).is_ok()).count(), 5);
    assert_eq!((0..9).filter(|_| limits.check_key("k2", None).is_ok()).count(), 5);
}

#[test]
fn a_subscriber_is_an_ipv4_address_or_64_bits_of_ipv6() {
    let (limits, _) = limits(10, 0);
    assert_eq!(passed(&limits, "2001:db8:0:1::1", 10), 10);
    assert_eq!(passed(&limits, "2001:db8:0:1:ffff:ffff:ffff:ffff", 10), 0);
    assert_eq!(passed(&limits, "2001:db8:0:2::1", 10), 10);
    assert_eq!(passed(&limits, "192.0.2.1", 10), 10);
    assert_eq!(passed(&limits, "::ffff:192.0.2.1", 10), 0);
}

#[test]
fn memory_is_bounded_and_old_hands_keep_their_bucket() {
    let (limits, clock) = limits(2, 0);
    let many = |limits: &Limits<FakeRelativeClock>, count: u32| {
        (0..count).filter(|n| limits.check_address(IpAddr::V4((0x0a00_0000 + n).into())).is_ok()).count()
    };
    assert_eq!(passed(&limits, "192.0.2.1", 1), 1);
    let surplus = 1000;
    let passed_of_many = many(&limits, MOST_BUCKETS as u32 - 1 + surplus);
    assert_eq!(passed_of_many, MOST_BUCKETS - 1 + 2, "the surplus shares one bucket");
    let held = limits.addresses.as_ref().unwrap().limiter.len();
    assert_eq!(held, MOST_BUCKETS + 1);
    assert_eq!(passed(&limits, "192.0.2.1", 5), 1, "known from before: its own bucket");
    assert_eq!(passed(&limits, "192.0.2.9", 5), 0, "new: the crowd's, which is empty");
    clock.advance(Duration::from_secs(120));
    assert_eq!(passed(&limits, "192.0.2.1", SWEPT_EVERY as usize), 2);
    assert!(limits.addresses.as_ref().unwrap().limiter.len() < 10, "full buckets are dropped");
}

#[test]
fn a_good_key_has_buckets_of_its_own_at_every_address() {
    let (limits, _) = limits(5, 0);
    assert_eq!(passed(&limits, "192.0.2.1", 100), 5);
    let of = |id: &str, from: &str| (0..9).filter(|_| limits.check_key(id, Some(address(from))).is_ok()).count();
    assert_eq!((of("k1", "192.0.2.1"), of("k2", "192.0.2.1"), of("k1", "192.0.2.2")), (5, 5, 5));
    assert_eq!((of("k1", "192.0.2.1"), passed(&limits, "192.0.2.2", 9)), (0, 5), "and empties nobody else's");
}
