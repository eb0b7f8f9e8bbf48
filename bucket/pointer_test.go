package bucket_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// standingAfter is how everything stands after an answer that says so much of some buckets.
func standingAfter(t *testing.T, updates ...bucket.Update) (standing string) {
	inBubble(t, nil, func(b *bubble) {
		charged := bucket.Draw{Key: key("charged", ""), Policy: &bucket.Policy{Quota: 9, Window: time.Hour, Charged: true}}
		d := learned("route", "1")
		b.ask(d, charged).done(window(d, 9, 8, time.Minute))
		q := b.ask(d, charged)
		b.pass(100 * ms)
		lines := []string{fmt.Sprint(q.done(updates...))}
		for s := range b.Buckets() {
			s.Policy = nil // a place in memory
			lines = append(lines, fmt.Sprintf("%+v", s))
		}
		slices.Sort(lines)
		standing = fmt.Sprint(lines)
	})
	return standing
}

func TestAnUpdateMayBePointedTo(t *testing.T) {
	route, other := key("route", "1"), key("other", "1")
	silent := standingAfter(t)
	for _, u := range []bucket.Update{
		bucket.Window{Key: route, Limit: 9, Remaining: 3, ResetAfter: time.Second},
		bucket.Block{Key: route, For: time.Second},
		bucket.Alias{Key: route, To: other},
		bucket.SameOwner{Provider: "api", Owner: "owner", As: "someone"},
		bucket.Uncounted{Key: route},
		bucket.Charge{Key: key("charged", "")},
	} {
		t.Run(fmt.Sprintf("%T", u), func(t *testing.T) {
			p := reflect.New(reflect.TypeOf(u))
			p.Elem().Set(reflect.ValueOf(u))
			pointer := p.Interface().(bucket.Update)
			got, want := standingAfter(t, pointer), standingAfter(t, u)
			if got != want || got == silent {
				t.Errorf("got\n%s, want\n%s, and not\n%s", got, want, silent)
			}
			if v := bucket.Value(pointer); v != u || p.Elem().Interface() != u {
				t.Errorf("it points to %+v, and is %+v after the answer, want %+v", v, p.Elem(), u)
			}
			if v := bucket.Value(u); v != u {
				t.Errorf("the value of %+v is %+v", u, v)
			}
		})
	}
}
