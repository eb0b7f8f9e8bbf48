// Package transport is an http.RoundTripper that keeps a program under the rate limits of the APIs it calls.
//
//	limits := transport.New(providers.Join(slack.New(nil), discord.New(nil)), nil)
//	client := &http.Client{Transport: limits}
//
// Each request waits its turn in the buckets that its provider names, goes through the base transport, and its answer
// teaches the buckets. A request that a limit refused is sent again when it may be, in its old place in the queue, if
// its body can be had again. A request that cannot be sent before its deadline fails at once with a
// [*bucket.WaitError], or, with Options.Refusal, is answered in its provider's form.
//
// What failed otherwise is sent again if that cannot do its work twice; a [RetryPolicy] in Options.Retry decides which
// of it, and when.
//
// Requests of a context that [WithPriority] made go before others or after them. Options.Mode has a transport never
// wait, or only observe.
//
// # Order of round trippers
//
// Put what adds credentials outside and what measures single attempts inside: client, then authentication, then this
// transport, then its Base. It must see the Authorization header to know whose limits apply.
//
// # Deadlines
//
// http.Client.Timeout counts the time spent waiting for leave, too. Bound a request by its context, or the waiting alone by
// Options.MaxWait.
package transport
