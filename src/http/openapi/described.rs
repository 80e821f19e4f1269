//! What each operation is about, takes and gives.

use utoipa::ToSchema;
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::{ComponentsBuilder, Content, Ref, Required, Response, ResponseBuilder};

use super::ALWAYS;
use crate::http::problem::Code;
use crate::wire::{blob, event, key, manifest, order, read, receipt, repository, status, tag, token, upload};

type Register = fn(ComponentsBuilder) -> ComponentsBuilder;

/// One operation in words and documents.
pub(super) struct Described {
    pub(super) summary: &'static str,
    pub(super) query: &'static [&'static str],
    pub(super) headers: Vec<&'static str>,
    pub(super) request: Option<RequestBody>,
    pub(super) answers: Vec<(u16, Response)>,
    pub(super) refusals: Vec<Code>,
    pub(super) schemas: Vec<Register>,
}

pub(super) fn about(summary: &'static str) -> Described {
    Described {
        summary,
        query: &[],
        headers: Vec::new(),
        request: None,
        answers: Vec::new(),
        refusals: ALWAYS.to_vec(),
        schemas: Vec::new(),
    }
}

impl Described {
    pub(super) fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }.refuses(&[Code::InvalidQuery])
    }

    pub(super) fn header(mut self, header: &'static str) -> Self {
        self.headers.push(header);
        self
    }

    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.schemas.push(register::<T>);
        let content = Content::new(Some(Ref::from_schema_name(T::name())));
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        self.request = Some(body.build());
        self.refuses(&[Code::InvalidBody, Code::MediaTypeUnsupported, Code::BodyTooLarge])
    }

    pub(super) fn takes_bytes(mut self, media_type: &str) -> Self {
        let body =
            RequestBodyBuilder::new().content(media_type, Content::default()).required(Some(Required::True));
        self.request = Some(body.build());
        self.refuses(&[Code::BodyTooLarge])
    }

    pub(super) fn gives<T: ToSchema>(mut self, status: u16, text: &str) -> Self {
        self.schemas.push(register::<T>);
        let content = Content::new(Some(Ref::from_schema_name(T::name())));
        self.answers.push((
            status,
            ResponseBuilder::new().description(text).content("application/json", content).build(),
        ));
        self
    }

    pub(super) fn gives_bytes(mut self, status: u16, text: &str, media_types: &[&str]) -> Self {
        let response =
            media_types.iter().fold(ResponseBuilder::new().description(text), |response, media_type| {
                response.content(*media_type, Content::default())
            });
        self.answers.push((status, response.build()));
        self
    }

    pub(super) fn gives_nothing(mut self, status: u16, text: &str) -> Self {
        self.answers.push((status, ResponseBuilder::new().description(text).build()));
        self
    }

    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }
}

/// A document, and those that it is made of.
fn register<T: ToSchema>(components: ComponentsBuilder) -> ComponentsBuilder {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    components.schema_from::<T>().schemas_from_iter(nested)
}

const BYTES: &str = "application/octet-stream";
const SLICE: &str = crate::http::slices::MEDIA_TYPE;
pub(super) const PAGE: &[&str] = &["limit", "cursor"];
const GRANT: [Code; 3] = [Code::GrantInvalid, Code::GrantNarrower, Code::Busy];
const NO_ROOM: [Code; 2] = [Code::TooManyUploads, Code::StorageFull];

/// The operation of that name; none if nobody wrote it down.
pub(super) fn described(name: &str) -> Option<Described> {
    control(name)
        .or_else(|| apart(name))
        .or_else(|| super::retention::described(name))
        .or_else(|| super::policies::described(name))
        .or_else(|| data(name))
        .or_else(|| reading(name))
        .or_else(|| log_and_process(name))
}

/// What data nodes ask of a control plane elsewhere.
fn apart(name: &str) -> Option<Described> {
    Some(match name {
        "orders::relay" => {
            about("Have a signed order obeyed by a data node; without a report in the answer, ask again")
                .takes::<order::RelayOrder>()
                .gives::<order::RelayedOrder>(200, "The report, if there is one")
                .refuses(&[Code::OrderInvalid, Code::OrderUntaken])
        }
        "orders::take" => about("Orders for a data node, as soon as there are any; needs `node:<name>`")
            .takes::<order::TakeOrders>()
            .gives::<order::TakenOrders>(200, "What it is to do; nothing, after a few seconds")
            .refuses(&[Code::ScopeMissing]),
        "orders::report" => about("Hand over a report; needs `node:<name>` of any node")
            .takes::<order::DeliverReport>()
            .gives::<order::TakenReport>(200, "It was read")
            .refuses(&[Code::ReportInvalid, Code::ScopeMissing]),
        "orders::judge" => about("What the log says of objects that lie in a store; needs `node:<name>`")
            .takes::<order::NameObjects>()
            .gives::<order::JudgedObjects>(200, "In the order asked")
            .refuses(&[Code::InvalidArgument, Code::ScopeMissing]),
        "orders::give_up" => about("Give up objects that nobody claims; needs `node:<name>`")
            .takes::<order::NameObjects>()
            .gives::<order::JudgedObjects>(200, "In the order asked, with orders to delete them")
            .refuses(&[Code::InvalidArgument, Code::ScopeMissing]),
        _ => return None,
    })
}

fn control(name: &str) -> Option<Described> {
    Some(match name {
        "repositories::list" => about("Repositories that the caller may read, by name")
            .query(PAGE)
            .gives::<repository::Repositories>(200, "A page"),
        "repositories::create" => about("Make a repository")
            .header("Idempotency-Key")
            .takes::<repository::CreateRepository>()
            .gives::<repository::Repository>(201, "Made")
            .refuses(&[Code::RepositoryExists, Code::ScopeMissing]),
        "repositories::get" => about("A repository's settings and totals")
            .gives::<repository::Repository>(200, "As it is now")
            .refuses(&[Code::InvalidPath, Code::RepositoryUnknown]),
        "repositories::set" => about("Make a repository or change its settings")
            .takes::<repository::SetRepository>()
            .gives::<repository::Repository>(200, "Set")
            .gives::<repository::Repository>(201, "Made")
            .refuses(&[Code::InvalidPath, Code::ScopeMissing]),
        "uploads::open" => about("What is to be done about each of a batch of blobs")
            .header("Idempotency-Key")
            .takes::<upload::OpenUploads>()
            .gives::<upload::OpenedUploads>(200, "In the order asked")
            .refuses(&[Code::InvalidPath, Code::ScopeMissing, Code::UploadTooLarge]),
        "receipts::deliver" => about("Hand over what the data plane signed; as often as you like")
            .takes::<receipt::DeliverReceipt>()
            .gives::<receipt::AcceptedReceipt>(200, "The blob may be used in the repository")
            .refuses(&[Code::ReceiptInvalid, Code::ReceiptRefused, Code::ScopeMissing]),
        "blobs::get" => about("What is known of a blob that is linked in the repository")
            .gives::<blob::Blob>(200, "Its digests and size")
            .refuses(&[Code::InvalidPath, Code::BlobUnknown]),
        "blobs::damaged" => about("Blobs of the repository that are damaged, and so given to nobody")
            .query(PAGE)
            .gives::<blob::DamagedBlobs>(200, "A page")
            .refuses(&[Code::InvalidPath, Code::RepositoryUnknown]),
        "blobs::content" => about("To the bytes of a blob of a package, by redirect")
            .query(&["package"])
            .gives_nothing(307, "`Location` has the bytes, with a grant")
            .refuses(&[Code::BlobUnknown]),
        "reads::grant" => about("Be given a package to read; recorded in the log")
            .header("Idempotency-Key")
            .takes::<read::GrantReads>()
            .gives::<read::GrantedReads>(200, "A grant for each blob")
            .refuses(&[Code::ManifestUnknown, Code::BlobUnknown, Code::BlobsDamaged]),
        "tokens::list" => {
            about("Tokens, without their secrets").query(PAGE).gives::<token::Tokens>(200, "A page")
        }
        "tokens::mint" => about("Make a token; its secret is shown in this answer and never again")
            .header("Idempotency-Key")
            .takes::<token::MintToken>()
            .gives::<token::MintedToken>(201, "Made")
            .refuses(&[Code::InvalidArgument, Code::ScopeMissing]),
        "exchange::exchange" => about("Exchange a token for one that may do less, for a while (RFC 8693)")
            .takes_bytes(token::FORM_MEDIA_TYPE)
            .gives::<token::ExchangedToken>(200, "An access token")
            .refuses(&[Code::InvalidArgument, Code::MediaTypeUnsupported]),
        "tokens::revoke" => about("Revoke a token: any, for admins; one's own, for everyone")
            .gives_nothing(204, "It no longer works")
            .refuses(&[Code::TokenUnknown, Code::ScopeMissing]),
        "tokens::whoami" => {
            about("Who the token says is calling").gives::<token::Whoami>(200, "Subject and scopes")
        }
        "status::status" => {
            about("What is running, and how far the log is").gives::<status::Status>(200, "As of now")
        }
        _ => return keys(name).or_else(|| manifests_and_tags(name)),
    })
}

fn keys(name: &str) -> Option<Described> {
    Some(match name {
        "receipts::take" => about("Hand over a receipt as a node of the data plane; needs `node:<name>` of any node")
            .takes::<receipt::DeliverReceipt>()
            .gives::<receipt::TakenReceipt>(200, "What is to be done with the object")
            .refuses(&[Code::ReceiptInvalid, Code::ReceiptRefused, Code::ScopeMissing]),
        "status::data" => {
            about("What is running here, and what it lacks").gives::<status::Status>(200, "As of now")
        }
        "keys::list" => about("Every key that ever signed here").gives::<key::Keys>(200, "In order of age"),
        "keys::add" => about(
            "Record the public half of a key; with `node:<name>` the receipt keys of that node, with `admin` any",
        )
        .takes::<key::AddKey>()
        .gives::<key::KeyEntry>(200, "As it is recorded; it may have been retired since")
        .refuses(&[Code::InvalidArgument, Code::ScopeMissing, Code::KeyTaken]),
        "keys::retire" => about("Retire a key: what it signed stays valid, what it signs from now on is refused")
            .gives::<key::KeyEntry>(200, "As it is recorded")
            .refuses(&[Code::InvalidPath, Code::ScopeMissing, Code::KeyUnknown, Code::KeyInUse]),
        "keys::jwks" => about("The same keys as a key set (RFC 7517)").gives_bytes(
            200,
            "A key set",
            &["application/jwk-set+json"],
        ),
        _ => return None,
    })
}

fn manifests_and_tags(name: &str) -> Option<Described> {
    const NATIVE: &str = "application/vnd.strongroom.manifest.v1+cbor";
    Some(match name {
        "manifests::list" => about("Packages accepted in the repository, in that order")
            .query(PAGE)
            .gives::<manifest::Manifests>(200, "A page")
            .refuses(&[Code::RepositoryUnknown]),
        "manifests::get" => about("A manifest: its exact bytes, its OCI rendering, or friendly JSON")
            .header("Accept")
            .header("If-None-Match")
            .gives::<manifest::Manifest>(200, "In the form that `Accept` prefers")
            .gives_nothing(304, "The caller has it")
            .refuses(&[Code::InvalidPath, Code::ManifestUnknown, Code::Erased, Code::NotAcceptable]),
        "manifests::accept" => about("Accept a package; by tag, also name it, in one step")
            .header("If-Match")
            .header("If-None-Match")
            .takes_bytes(NATIVE)
            .gives::<manifest::AcceptedManifest>(201, "Accepted")
            .gives::<manifest::AcceptedManifest>(200, "It was accepted before")
            .refuses(&[Code::ManifestInvalid, Code::ManifestErased, Code::BlobsMissing])
            .refuses(&[Code::TagMoved, Code::ScopeMissing]),
        "tags::list" => about("The repository's tags, by name").query(PAGE).gives::<tag::Tags>(200, "A page"),
        "tags::get" => about("One tag").gives::<tag::TagEntry>(200, "Now").refuses(&[Code::TagUnknown]),
        "tags::set" => about("Name a manifest")
            .header("If-Match")
            .header("If-None-Match")
            .takes::<tag::SetTag>()
            .gives::<tag::TagChanged>(200, "Set")
            .refuses(&[Code::ManifestUnknown, Code::TagMoved, Code::ScopeMissing]),
        "tags::remove" => about("Let a tag name nothing")
            .header("If-Match")
            .gives_nothing(204, "Removed")
            .refuses(&[Code::TagUnknown, Code::TagMoved, Code::ScopeMissing]),
        _ => return None,
    })
}

fn data(name: &str) -> Option<Described> {
    const TUS: &str = "application/offset+octet-stream";
    Some(match name {
        "tus::discover" => about("What of tus is spoken here")
            .gives_nothing(204, "`Tus-Version`, `Tus-Extension` and limits"),
        "tus::create" => {
            about("Begin the upload of the grant (tus creation), with its first bytes if they come along")
                .header("Tus-Resumable")
                .header("Upload-Length")
                .header("Upload-Defer-Length")
                .header("Upload-Metadata")
                .takes_bytes(TUS)
                .gives_nothing(201, "`Location` is the upload")
                .refuses(&GRANT)
                .refuses(&[Code::TusVersion, Code::UploadTooLarge])
                .refuses(&NO_ROOM)
        }
        "tus::status" => about("How far an upload is")
            .header("Tus-Resumable")
            .gives_nothing(200, "`Upload-Offset`; once it is complete, `Strongroom-Receipt`")
            .refuses(&GRANT)
            .refuses(&[Code::SessionUnknown, Code::SessionGone]),
        "tus::append" => about("The next bytes of an upload")
            .header("Tus-Resumable")
            .header("Upload-Offset")
            .header("Upload-Length")
            .header("Upload-Checksum")
            .takes_bytes(TUS)
            .gives_nothing(204, "`Upload-Offset` is durable; with the last bytes, `Strongroom-Receipt`")
            .refuses(&GRANT)
            .refuses(&[
                Code::OffsetMismatch,
                Code::ChecksumMismatch,
                Code::DigestMismatch,
                Code::SessionGone,
            ]),
        "tus::terminate" => about("Give an upload up")
            .header("Tus-Resumable")
            .gives_nothing(204, "It is gone")
            .refuses(&GRANT)
            .refuses(&[Code::SessionUnknown, Code::SessionGone]),
        "bytes::put" => about("A small blob in one request")
            .takes_bytes(BYTES)
            .gives::<upload::StoredBlob>(201, "Stored, with the receipt")
            .refuses(&GRANT)
            .refuses(&[Code::DigestMismatch])
                .refuses(&NO_ROOM),
        "together::put" => about(
            "Small blobs together: a CBOR sequence (RFC 8742) of { \"grant\": text, \"content\": bytes }; any one of the \
             grants is the bearer",
        )
        .takes_bytes(upload::BATCH_MEDIA_TYPE)
        .gives::<upload::StoredBlobs>(200, "What became of each, in their order")
        .refuses(&GRANT)
        .refuses(&[Code::InvalidBody, Code::IncompleteBody, Code::BodyTooSlow, Code::MediaTypeUnsupported])
        .refuses(&NO_ROOM),
        _ => return None,
    })
}

fn reading(name: &str) -> Option<Described> {
    Some(match name {
        "bytes::get" => about("A blob, or a range of it")
            .query(&["grant"])
            .header("Strongroom-Verifies")
            .header("Range")
            .header("If-Range")
            .header("If-None-Match")
            .gives_bytes(200, "All of it", &[BYTES])
            .gives_bytes(206, "The range", &[BYTES])
            .gives_nothing(304, "The caller has it")
            .gives_nothing(307, "To the bucket itself, for a caller who verifies what it gets")
            .refuses(&GRANT)
            .refuses(&[Code::RangeNotSatisfiable]),
        "slices::get" => about("A range of a blob (`range=first-last`) with the proof that it is of that blob")
            .query(&["range", "grant"])
            .header("If-None-Match")
            .gives_bytes(
                200,
                "The size (8 bytes, little-endian), then values and bytes in the order of the tree, as `bao-tree` reads them",
                &[SLICE],
            )
            .gives_nothing(304, "The caller has it")
            .refuses(&GRANT)
            .refuses(&[Code::RangeNotSatisfiable]),
        _ => return None,
    })
}

fn log_and_process(name: &str) -> Option<Described> {
    Some(match name {
        "log::events" => about("Events in order, in the form that `Accept` prefers")
            .query(&["after", "limit", "type", "repository", "stream", "follow"])
            .header("Accept")
            .header("Last-Event-ID")
            .gives::<event::Events>(
                200,
                "A page; or a stream as application/x-ndjson, text/event-stream, application/cbor-seq; or a page of \
                 CloudEvents as application/cloudevents-batch+json",
            )
            .refuses(&[Code::NotAcceptable, Code::ScopeMissing]),
        "log::checkpoint" => about("The newest signed checkpoint (C2SP signed note)")
            .header("If-None-Match")
            .gives_bytes(200, "The note", &["text/plain"])
            .gives_nothing(304, "The caller has it")
            .refuses(&[Code::CheckpointUnknown, Code::ScopeMissing]),
        "log::entry" => about("One record, exactly as it is hashed")
            .header("If-None-Match")
            .gives_bytes(200, "The record", &["application/cbor"])
            .gives_nothing(304, "The caller has it")
            .refuses(&[Code::PositionUnknown, Code::ScopeMissing]),
        "process::healthz" => about("Whether the process runs").gives_bytes(200, "It does", &["text/plain"]),
        "process::readyz" => about("Whether it can serve")
            .gives_bytes(200, "It can", &["text/plain"])
            .refuses(&[Code::Unavailable]),
        "process::metrics" => {
            about("Metrics in the Prometheus text format").gives_bytes(200, "Metrics", &["text/plain"])
        }
        "openapi::document" => about("This document").gives_bytes(200, "OpenAPI", &["application/json"]),
        _ => return None,
    })
}
