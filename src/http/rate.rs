//! How often one caller may ask: a token bucket for each token, for the grants of each actor, and for each address that
//! shows no good token.
//!
//! - Kept as one instant each (GCRA): when the bucket would be full again. A bucket that is full is forgotten.
//! - A bucket takes [`BURST_SECONDS`] worth of requests at once.
//! - An IPv6 caller is its /64: more is given out than there are buckets. If there are too many callers all the same,
//!   those that come last share one.
//! - A refusal is a 429 that says when to come back, in `Retry-After` and in the `RateLimit` fields of
//!   draft-ietf-httpapi-ratelimit-headers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderName, HeaderValue, header};

use super::precondition::header_value;
use super::problem::{Code, Problem};
use crate::kernel::id::{Actor, TokenId};
use crate::kernel::limits::{RATE_BURST_SECONDS as BURST_SECONDS, RATE_CALLERS_MAX, REFUSED_TOKEN_REQUESTS};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Where a request comes from, as the listener saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(pub(super) IpAddr);

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Token(TokenId),
    Actor(Actor),
    Address(IpAddr),
    Others,
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Rates {
    per_token: Policy,
    per_address: Policy,
    full_at: Mutex<HashMap<Key, Instant>>,
}

#[derive(Debug, Clone, Copy)]
struct Policy {
    name: &'static str,
    per_second: u64,
}

impl Rates {
    /// So many requests a second by each token, and from each address; 0 bounds nothing.
    pub(super) fn new(per_token: u64, per_address: u64) -> Self {
        Self {
            per_token: Policy { name: "token", per_second: per_token },
            per_address: Policy { name: "address", per_second: per_address },
            full_at: Mutex::default(),
        }
    }

    /// A request by a token.
    pub(super) fn token(&self, token: &TokenId) -> Result<(), Problem> {
        self.take(self.per_token, 1, || Key::Token(token.clone()))
    }

    /// A request by a grant of that actor.
    pub(super) fn grant(&self, actor: &Actor) -> Result<(), Problem> {
        self.take(self.per_token, 1, || Key::Actor(actor.clone()))
    }

    /// A request without a good token. One that no listener brought has no address, and is not counted.
    pub(super) fn address(&self, peer: Option<Peer>) -> Result<(), Problem> {
        peer.map_or(Ok(()), |peer| self.take(self.per_address, 1, || Key::Address(network(peer.0))))
    }

    /// A request with a token or grant that is not good: it may be a guess, so it counts as many.
    pub(super) fn refused(&self, peer: Option<Peer>) -> Result<(), Problem> {
        let key = |peer: Peer| Key::Address(network(peer.0));
        peer.map_or(Ok(()), |peer| self.take(self.per_address, REFUSED_TOKEN_REQUESTS, || key(peer)))
    }

    /// Callers whose buckets are not full.
    pub(super) fn callers(&self) -> usize {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self, policy: Policy, cost: u64, key: impl FnOnce() -> Key) -> Result<(), Problem> {
        if policy.per_second == 0 {
            return Ok(());
        }
        let waits = self.take_at(policy, cost, key(), Instant::now());
        waits.map_err(|wait| {
            metrics::counter!("strongroom_requests_over_rate_total", "per" => policy.name).increment(1);
            policy.refuse(wait)
        })
    }

    /// Takes so many, at most a whole bucket, or says how long to wait for them.
    fn take_at(&self, policy: Policy, cost: u64, key: Key, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = key;
        if full_at.len() >= RATE_CALLERS_MAX && !full_at.contains_key(&key) {
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= RATE_CALLERS_MAX {
                key = Key::Others;
            }
        }
        let one = Duration::from_secs(1) / u32::try_from(policy.per_second).unwrap_or(u32::MAX);
        // Empty is what takes all of the burst to fill; rounding must not make it less than one.
        let burst = Duration::from_secs(BURST_SECONDS).max(one);
        let taken = one.saturating_mul(u32::try_from(cost).unwrap_or(u32::MAX)).min(burst);
        let bucket = full_at.entry(key).or_insert(now);
        let full = (*bucket).max(now) + taken;
        let over = full.duration_since(now).saturating_sub(burst);
        if over > Duration::ZERO {
            return Err(over);
        }
        *bucket = full;
        Ok(())
    }
}

impl Policy {
    fn refuse(self, wait: Duration) -> Problem {
        let seconds = wait.as_secs() + 1;
        let Self { name, per_second } = self;
        let told = format!(
            "More than {per_second} requests a second by one {name}. Nothing was done; come back after the time in \
             Retry-After, or ask the operator for a higher `requests-per-{name}`."
        );
        let burst = per_second * BURST_SECONDS;
        Problem::new(Code::RateExceeded, told)
            .member("per", name)
            .member("requests_per_second", per_second)
            .header(header::RETRY_AFTER, HeaderValue::from(seconds))
            .header(RATE_LIMIT_POLICY, header_value(format_args!("\"{name}\";q={burst};w={BURST_SECONDS}")))
            .header(RATE_LIMIT, header_value(format_args!("\"{name}\";r=0;t={seconds}")))
    }
}

/// What counts as one caller.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            std::net::Ipv6Addr::from_bits(prefix).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u128) -> Key {
        Key::Token(TokenId::from_uuid(uuid::Uuid::from_u128(n)))
    }

    #[test]
    fn a_bucket_takes_a_burst_and_fills_again() {
        let rates = Rates::new(10, 10);
        let (policy, now) = (rates.per_token, Instant::now());
        let burst = 10 * BURST_SECONDS;
        for _ in 0..burst {
            rates.take_at(policy, 1, token(1), now).unwrap();
        }
        let wait = rates.take_at(policy, 1, token(1), now).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        rates.take_at(policy, 1, token(2), now).expect("another caller's is its own");
        rates.take_at(policy, 1, token(1), now + wait).unwrap();
        assert!(rates.take_at(policy, 1, token(1), now + wait).is_err(), "one at a time from then on");
        for _ in 0..burst {
            rates.take_at(policy, 1, token(1), now + Duration::from_secs(3_600)).unwrap();
        }
    }

    #[test]
    fn one_a_second_is_one_a_second() {
        let rates = Rates::new(1, 1);
        let (policy, now) = (rates.per_token, Instant::now());
        for _ in 0..BURST_SECONDS {
            rates.take_at(policy, 1, token(1), now).unwrap();
        }
        assert!(rates.take_at(policy, 1, token(1), now).is_err());
    }

    #[test]
    fn callers_without_number_share_a_bucket_and_cost_bounded_memory() {
        let rates = Rates::new(1, 1);
        let (policy, now) = (rates.per_token, Instant::now());
        let refused = (0..RATE_CALLERS_MAX as u128 + 100)
            .filter(|n| rates.take_at(policy, 1, token(*n), now).is_err())
            .count();
        assert_eq!(refused as u64, 100 - BURST_SECONDS);
        assert!(rates.callers() <= RATE_CALLERS_MAX + 1);
        rates.take_at(policy, 1, token(u128::MAX), now + Duration::from_secs(60)).unwrap();
        assert_eq!(rates.callers(), 1, "full buckets are forgotten");
    }

    #[test]
    fn a_refused_token_counts_as_many_requests_and_at_most_as_a_bucket() {
        let rates = Rates::new(0, 10 * REFUSED_TOKEN_REQUESTS);
        let peer = Some(Peer("192.0.2.1".parse().unwrap()));
        let tried = (0..1_000).take_while(|_| rates.refused(peer).is_ok()).count() as u64;
        assert!((10 * BURST_SECONDS..12 * BURST_SECONDS).contains(&tried), "{tried}");
        Rates::new(0, 1).refused(peer).expect("the first is told that its token is refused");
    }

    #[test]
    fn an_ipv6_caller_is_its_network() {
        let rates = Rates::new(0, 1);
        let peer = |address: &str| Some(Peer(address.parse().unwrap()));
        for _ in 0..BURST_SECONDS {
            rates.address(peer("2001:db8::1")).unwrap();
        }
        let refused = rates.address(peer("2001:db8::ffff")).unwrap_err();
        assert_eq!(refused.code(), Code::RateExceeded);
        rates.address(peer("2001:db8:0:1::1")).unwrap();
        rates.address(peer("192.0.2.1")).unwrap();
        for _ in 1..BURST_SECONDS {
            rates.address(peer("::ffff:192.0.2.1")).unwrap();
        }
        assert!(rates.address(peer("192.0.2.1")).is_err(), "the same address, mapped");
        for _ in 0..100 {
            rates.token(&TokenId::from_uuid(uuid::Uuid::nil())).expect("0 bounds nothing");
        }
    }
}
