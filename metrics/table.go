package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A table creates its entries when they are first asked for and keeps them for ever. It is made for keys of a small
// set and many readers: only a new key takes a lock and copies the map.
type table[V any] struct {
	max    int // how many entries it takes; 0 means any number, since a map without entries is never stored
	create func(key string) V

	entries atomic.Pointer[map[string]V] // the map is never changed
	mu      sync.Mutex                   // held to replace entries; create runs under it
}

// of returns the entry of key. It reports false if there is none and no room for it.
func (t *table[V]) of(key string) (v V, ok bool) {
	if m := t.entries.Load(); m != nil {
		if v, ok = (*m)[key]; ok || len(*m) == t.max {
			return v, ok
		}
	}
	return t.add(key)
}

func (t *table[V]) add(key string) (v V, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := map[string]V{}
	if old := t.entries.Load(); old != nil { // somebody else may have been faster
		if v, ok = (*old)[key]; ok || len(*old) == t.max {
			return v, ok
		}
		m = maps.Clone(*old)
	}
	v = t.create(key)
	m[key] = v
	t.entries.Store(&m)
	return v, true
}
