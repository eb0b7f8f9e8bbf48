package transport

import (
	"maps"
	"math"
	"sync"
	"sync/atomic"
)

const (
	defaultBudget = 0.1 // retries that a request pays for

	retryCost = 1_000_000 // of one retry, in the units of a budget
	maxBudget = 10        // retries that can be saved up, and what a budget begins with
)

// budgets bound the retries after failures, so that a provider in trouble is not sent several times what it cannot
// answer even once. Each request pays a part of a retry into its provider's budget.
type budgets struct {
	pays int64 // by a request; negative: retries cost nothing

	// left has those of which something was spent, by provider; the map is never changed. In most programs it is empty,
	// and paying costs next to nothing.
	left atomic.Pointer[map[string]*atomic.Int64]
	mu   sync.Mutex // held to replace it
}

// init takes Options.RetryBudget.
func (b *budgets) init(perRequest float64) {
	switch {
	case perRequest < 0:
		b.pays = -1
	case perRequest > 0:
		b.pays = int64(math.Round(min(perRequest, maxBudget) * retryCost))
	default:
		b.pays = defaultBudget * retryCost
	}
	b.left.Store(&map[string]*atomic.Int64{})
}

// pay is for each request that is sent for the first time.
func (b *budgets) pay(provider string) {
	left, ok := (*b.left.Load())[provider]
	if !ok {
		return // it is full
	}
	for {
		have := left.Load()
		if have == maxBudget*retryCost || left.CompareAndSwap(have, min(have+b.pays, maxBudget*retryCost)) {
			return
		}
	}
}

// spend takes out what a retry costs; it reports false if that is not there.
func (b *budgets) spend(provider string) bool {
	if b.pays < 0 {
		return true
	}
	left := b.of(provider)
	for {
		have := left.Load()
		if have < retryCost {
			return false
		}
		if left.CompareAndSwap(have, have-retryCost) {
			return true
		}
	}
}

// of returns a provider's budget, made if there is none. Providers are few.
func (b *budgets) of(provider string) *atomic.Int64 {
	if left, ok := (*b.left.Load())[provider]; ok {
		return left
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := *b.left.Load()
	if left, ok := all[provider]; ok { // somebody else was faster
		return left
	}
	all = maps.Clone(all)
	left := new(atomic.Int64)
	left.Store(maxBudget * retryCost)
	all[provider] = left
	b.left.Store(&all)
	return left
}
