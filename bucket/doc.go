// Package bucket keeps the state of rate limits and decides which request may go when.
//
// It owns every lock and every wait of the module, and knows nothing of HTTP or of any provider. A [Registry] holds
// one bucket per [Key]. A request names what it takes, its [Draw]s, and calls [Registry.Acquire], which waits until
// all of them can be had at once and takes them, or fails having taken nothing. The [Lease] it returns is settled
// exactly once: [Lease.Done] when an answer came, with the [Update]s that the answer carries; [Lease.Lost] when the
// request was sent and no answer came; [Lease.Cancel] when it was never sent.
//
// Limits come from two sources. What a provider documents stands in a draw's [Policy]: a pace, a quota, a number of
// requests at once. What its answers say arrives as updates: a [Window] (so many left until then), a [Block] (nothing
// until then), an [Alias] (these are counted together), a [SameOwner] (these credentials are one), a [SameBucket] (these
// names are). Whether a window is fixed or slides shows from the answers. A bucket without a policy of which nothing is known yet lets one request ahead
// to see; the rest wait for its answer.
//
// Who waits goes in the order of arrival, as tickets keep it, and of [Ticket.Priority]. [Registry.Explain] tells what a
// request would meet. docs/buckets.md has the rules in words.
package bucket
