"""Backends that are reached over HTTP: one shared layer, and a dialect for each cloud.

How a dialect is written (`s3/` is the example to read):

1. Subclass `dialect.Dialect[C]`, where C is what its requests are signed with. Say in `offers` what it holds; override
   the calls that belong to it. Each call is a *plan*: a generator that yields `HttpRequest`s, is sent `HttpAnswer`s,
   and returns what the `StoreBackend` call of the same name returns. Several steps are several yields. A plan has no
   await, no clock, no client: it is tested by sending it values.

       def head(self, name: ObjectName, want: Want) -> Plan[Found]:
           answer = yield self._request("HEAD", name, ...)
           if answer.status != 200:
               raise self.refusal(answer)
           return Found(info_of(name.key, answer))

2. `sign(request, key, now)` makes a request one that the cloud believes: pure, given the time. It may replace the
   request's body by one that frames and signs as it goes.
3. `code_of(answer)` reads the cloud's own error code; `refusal(answer)` makes an S3Error (or a BackendError) of a 3xx
   or 4xx. 5xx, 429 and requests without an answer never reach a plan: `sending.Sender` has retried them, and throws a
   BackendError into the plan, which may clean up (abort an upload) before it lets it through.
4. A GET sets `streamed=True`; the answer's `body` is then bytes or a Stream, and goes into `Found` as it is.
5. A write gets an `upload.Upload`: small content is there as bytes, all checks passed; longer content is a body to be
   put into the request, whose last block comes only after every check has passed. `Upload.algorithm` is the checksum
   to carry. After the answer `Upload.sealed` says what the content was.
6. `delete_many` is a plan where the cloud has a batch call; leave `batches` False and the shared layer sends single
   deletes side by side.

`backend.Remote` makes a `StoreBackend` of a dialect, a source of credentials (`credentials`) and a client
(`ports.HttpClient`); it is the only part with awaits in it.
"""
