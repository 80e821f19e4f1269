//! A way to the server that breaks once, in the middle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    address: SocketAddr,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    passed: AtomicU64,
    cuts: AtomicU64,
}

impl Proxy {
    /// In front of that address; the connection over which the clients' bytes pass that number is cut.
    pub(crate) async fn start(server: SocketAddr, cut_after: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let counted = Arc::new(Counted::default());
        let counting = counted.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server, cut_after, counting.clone()));
            }
        });
        Self { address, counted }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Bytes that clients sent through it.
    pub(crate) fn passed(&self) -> u64 {
        self.counted.passed.load(Ordering::SeqCst)
    }

    /// How often it broke.
    pub(crate) fn cuts(&self) -> u64 {
        self.counted.cuts.load(Ordering::SeqCst)
    }
}

async fn forward(client: TcpStream, server: SocketAddr, cut_after: u64, counted: Arc<Counted>) {
    let server = TcpStream::connect(server).await.expect("the server accepts");
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let upwards = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let Ok(read @ 1..) = from_client.read(&mut buffer).await else { return };
            let before = counted.passed.fetch_add(read as u64, Ordering::SeqCst);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
            if before < cut_after && before + read as u64 >= cut_after {
                counted.cuts.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
    };
    // Whichever ends first ends both: the sockets are dropped.
    tokio::select! {
        () = upwards => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}
