//! Streams that change what is read and nothing of what is written.

/// Implements `AsyncWrite` for a stream by the one in a field of it: `writes_through!(Tap<S>, stream)`.
macro_rules! writes_through {
    ($type:ident $(<$below:ident>)?, $field:ident) => {
        impl $(<$below: tokio::io::AsyncWrite + Unpin>)? tokio::io::AsyncWrite for $type $(<$below>)? {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut self.$field).poll_write(context, bytes)
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.$field).poll_flush(context)
            }

            fn poll_shutdown(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.$field).poll_shutdown(context)
            }
        }
    };
}

pub(super) use writes_through;
