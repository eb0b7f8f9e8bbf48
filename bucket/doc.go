// Package bucket keeps the state of rate limits and decides which request may be sent when.
//
// It has all locks and all waiting of the module, and knows nothing of HTTP or of any provider. A [Registry] holds
// one bucket for each [Key]. A request names what it takes, its [Draw]s, and calls [Registry.Acquire]. This waits
// until all of them can be taken at once, and takes them; or it fails and has taken nothing. The [Lease] that it
// returns is settled exactly once: by [Lease.Done] when an answer came, with the [Update]s that the answer carries;
// by [Lease.Failed] when the answer says nothing and may not be the API's own; by [Lease.Lost] when the request was
// sent and no answer came; by [Lease.Cancel] when it was not sent.
//
// Limits come from two sources. What a provider documents is in a draw's [Policy]: a pace, a quota, a number of
// requests at once. What its answers say comes as updates: a [Window] (so many left until then), a [Block] (nothing
// until then), an [Alias] (these are counted together), a [SameOwner] (these credentials are one), a [SameBucket]
// (these names are one). Answers also show whether a window is fixed or slides. While nothing is known of a bucket
// without a policy, one request is sent first, and the rest wait for its answer.
//
// Requests go in the order of their arrival, which their [Ticket] keeps, and of [Ticket.Priority].
// [Registry.Explain] says what a request would have to wait for. docs/buckets.md has the rules in words.
package bucket
