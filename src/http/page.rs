//! Pages of lists: `?limit=&cursor=` in, `Link: <..>; rel="next"` out (RFC 8288).
//!
//! - A cursor is opaque to callers: the key after which the next page begins, in base64url.
//! - A page that is full has a next one, which may turn out to be empty.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::envelope::OriginalPath;
use super::json::Json;
use super::problem::{Code, Problem};
use super::query::Query;
use crate::kernel::limits::{PAGE_DEFAULT_ITEMS, PAGE_MAX_ITEMS};

/// Which page of a list that is ordered by `K`.
#[derive(Debug, Clone)]
pub(super) struct Page<K> {
    /// The key after which it begins.
    pub(super) after: Option<K>,
    /// How many items it may have.
    pub(super) limit: u32,
    path: String,
}

impl<K: FromStr + Display> Page<K> {
    /// Takes the page's parameters from a query.
    pub(super) fn take(query: &mut Query, path: &OriginalPath) -> Result<Self, Problem> {
        let after = query.take::<String>("cursor")?.map(|cursor| decode(&cursor).ok_or_else(unknown_cursor));
        Ok(Self { after: after.transpose()?, limit: take_limit(query)?, path: path.0.clone() })
    }

    /// The answer: the document, and where the next page is if this one, with so many items, is full.
    pub(super) fn answer(&self, document: impl Serialize, items: usize, last: Option<K>) -> Response {
        let mut response = Json(document).into_response();
        if let Some(last) = last.filter(|_| items >= self.limit as usize) {
            let cursor = URL_SAFE_NO_PAD.encode(last.to_string());
            let link = format!("<{}?limit={}&cursor={cursor}>; rel=\"next\"", self.path, self.limit);
            let link =
                link.parse().expect("a path of a request, a number and base64url are a header's value");
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// Takes `limit`: 1 to the most that a page has.
pub(super) fn take_limit(query: &mut Query) -> Result<u32, Problem> {
    match query.take("limit")?.unwrap_or(PAGE_DEFAULT_ITEMS) {
        limit @ 1..=PAGE_MAX_ITEMS => Ok(limit),
        _ => Err(Problem::new(
            Code::InvalidQuery,
            format!("Query parameter `limit` is 1 to {PAGE_MAX_ITEMS}."),
        )),
    }
}

fn decode<K: FromStr>(cursor: &str) -> Option<K> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?.parse().ok()
}

fn unknown_cursor() -> Problem {
    Problem::new(Code::InvalidQuery, "Query parameter `cursor` is not one that a page of this list gave.")
}

impl<K: FromStr + Display, S: Send + Sync> FromRequestParts<S> for Page<K> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let mut query = Query::from_request_parts(parts, state).await?;
        let path =
            parts.extensions.get::<OriginalPath>().expect("the envelope of every request puts it there");
        let page = Self::take(&mut query, path)?;
        query.finish()?;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::Tag;

    fn page(query: &str) -> Result<Page<Tag>, Problem> {
        Page::take(&mut Query::parse(query)?, &OriginalPath("/v1/x".into()))
    }

    #[test]
    fn a_full_page_links_to_the_next_one() {
        let first = page("limit=2").unwrap();
        let tag: Tag = "v1".parse().unwrap();
        let link =
            first.answer((), 2, Some(tag.clone())).headers()[header::LINK].to_str().unwrap().to_owned();
        assert_eq!(link, "</v1/x?limit=2&cursor=djE>; rel=\"next\"");
        assert_eq!(page("limit=2&cursor=djE").unwrap().after, Some(tag.clone()));
        assert!(first.answer((), 1, Some(tag)).headers().get(header::LINK).is_none());
    }

    #[test]
    fn limits_and_cursors_out_of_bounds_are_refused() {
        for bad in ["limit=0", "limit=1001", "limit=-1", "cursor=%20", "cursor=Lg", "limit=1&limit=2"] {
            assert_eq!(page(bad).unwrap_err().code(), Code::InvalidQuery, "{bad}");
        }
        assert_eq!(page("").unwrap().limit, PAGE_DEFAULT_ITEMS);
    }
}
