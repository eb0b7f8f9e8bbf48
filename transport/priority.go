package transport

import "context"

type priorityKey struct{}

// WithPriority returns a context whose requests go before those of a lower priority that wait for the same bucket, all
// their sendings included. 0 is ordinary, and what a context has that was never given one; negative is for what can
// wait; beyond 100 either way counts as 100. Each step is worth ten seconds of waiting: see bucket.Ticket.Priority.
// Within a priority requests go in the order of their arrival.
func WithPriority(ctx context.Context, p int) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

func contextPriority(ctx context.Context) int {
	p, _ := ctx.Value(priorityKey{}).(int)
	return p
}
