package transport

import "context"

// WithPriority returns a context whose requests go before those of a lower priority that wait for the same bucket, all
// their sendings included. 0 is ordinary, and what a context has that was never given one; negative is for what can
// wait; beyond 100 either way counts as 100. Each step is worth ten seconds of waiting: see bucket.Ticket.Priority.
// Within a priority requests go in the order of their arrival.
func WithPriority(ctx context.Context, p int) context.Context {
	w := wishesOf(ctx)
	w.priority = p
	return context.WithValue(ctx, wishesKey{}, &w)
}

// wishes are what a context says of its requests. They have one key, as to look for one takes the longer the more there is
// to a context.
type wishes struct {
	priority int
	trace    *Trace // nil: none
}

type wishesKey struct{}

func wishesOf(ctx context.Context) wishes {
	if w, ok := ctx.Value(wishesKey{}).(*wishes); ok {
		return *w
	}
	return wishes{}
}
