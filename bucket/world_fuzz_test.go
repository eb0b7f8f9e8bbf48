package bucket_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// A scripted source has the choices of traffic made by a fuzzer's bytes, as long as there are any.
type scripted struct {
	script []byte
	rest   rand.PCG
}

func (s *scripted) Uint64() uint64 {
	if len(s.script) == 0 {
		return s.rest.Uint64()
	}
	b := uint64(s.script[0])
	s.script = s.script[1:]
	return b * 0x0101010101010101 // the high bits decide as well as the low ones
}

// FuzzWorld has requests of a fuzzer's choice come to a world whose limits are known. None may be refused, and what else
// TestWhoKnowsTheLimitsOfAWorldIsNeverRefused checks must hold.
func FuzzWorld(f *testing.F) {
	rnd := rand.NewChaCha8([32]byte{2})
	for range 12 {
		seed := make([]byte, 800)
		_, _ = rnd.Read(seed)
		f.Add(seed, uint8(rnd.Uint64()))
	}
	f.Fuzz(func(t *testing.T, script []byte, reserve uint8) {
		if len(script) > 4000 {
			return
		}
		opts := &bucket.Options{Reserve: float64(reserve%4) / 8}
		inBubble(t, opts, func(b *bubble) {
			newWorld(b).learnAll()
			w := newWorld(b)
			const n = 150
			patient := w.traffic(rand.New(&scripted{script: script}), n)
			b.pass(time.Hour)
			w.verify(n, patient)
		})
	})
}
