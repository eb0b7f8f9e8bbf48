package slack_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
)

// send waits for leave to send req, gets the answer at once and returns how much time has passed since start.
func send(
	t *testing.T, reg *bucket.Registry, p *slack.Provider, req *http.Request, status int, start time.Time,
) time.Duration {
	t.Helper()
	call := classify(t, p, req)
	lease, err := reg.Acquire(context.Background(), call.Draws...)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Since(start)
	a := answer(status, "")
	a.Sent, a.Received = time.Now(), time.Now()
	lease.Done(time.Now(), p.Judge(req, &call, a).Updates...)
	return at
}

func TestMessagesKeepASecondApartInAChannelAndNotBetweenChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg, p, start := bucket.NewRegistry(nil), slack.New(nil), time.Now()
		for _, tt := range []struct {
			method, channel string
			want            time.Duration
		}{
			{"chat.postMessage", "C1", 0},
			{"chat.postMessage", "C2", 0},
			{"chat.postMessage", "C1", time.Second},
			{"chat.update", "C1", time.Second},
			{"chat.meMessage", "C1", 2 * time.Second},
			{"chat.postMessage", "C1", 3 * time.Second},
			{"chat.postMessage", "C2", 3 * time.Second},
		} {
			if got := send(t, reg, p, form(t, tt.method, "channel", tt.channel), 200, start); got != tt.want {
				t.Errorf("%s to %s goes after %v, want %v", tt.method, tt.channel, got, tt.want)
			}
		}
	})
}

func TestATierIsUsedUpNoFasterThanSlackPromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg, p, start := bucket.NewRegistry(nil), slack.New(nil), time.Now()
		var at []time.Duration
		for range 41 {
			at = append(at, send(t, reg, p, form(t, "users.list"), 200, start))
		}
		if at[4] != 0 || at[5] != 3*time.Second {
			t.Errorf("the fifth goes after %v, the sixth after %v", at[4], at[5])
		}
		for i := 20; i < len(at); i++ {
			if d := at[i] - at[i-20]; d < time.Minute {
				t.Errorf("21 calls within %v", d)
			}
		}
	})
}

func TestARefusalWithoutATimeIsNotRepeatedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg, p, start := bucket.NewRegistry(nil), slack.New(nil), time.Now()
		req := form(t, "users.info")
		for i, want := range []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second} {
			if got := send(t, reg, p, req, 429, start); got != want {
				t.Errorf("number %d goes after %v, want %v", i, got, want)
			}
		}
	})
}
