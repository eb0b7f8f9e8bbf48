// Package transport is an http.RoundTripper that keeps a program under the rate limits of the APIs it calls.
//
//	limits := transport.New(providers.Join(slack.New(nil), discord.New(nil)), nil)
//	client := &http.Client{Transport: limits}
//
// Make one for the whole program. Clients that have no Transport in common, nor a registry in Options.Buckets, know
// nothing of each other's requests.
//
// Each request waits its turn in the buckets that its provider names, and is then sent by the base transport. The
// buckets learn from its answer. A request that a limit refused is sent again when the limit allows it, in its old
// place in the queue, if its body can be read again. A request that cannot be sent before its deadline fails at once
// with a [*bucket.WaitError]; with Options.Refusal it gets an answer in its provider's form instead.
//
// A request that failed otherwise is sent again if that cannot do its work twice. A [RetryPolicy] in Options.Retry
// decides which of these, and when.
//
// [WithPriority] makes the requests of a context go before others, or after them. With Options.Mode a transport
// never waits, or only observes.
//
// # Order of round trippers
//
// A round tripper that adds credentials goes outside of this one, and one that measures single attempts inside:
// client, then authentication, then this transport, then its Base. This transport must see the Authorization header
// to know whose limits apply.
//
// # Deadlines
//
// http.Client.Timeout includes the time that a request waits for its limits. Use the request's context instead, or
// limit the waiting alone by Options.MaxWait.
package transport
