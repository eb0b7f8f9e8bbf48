package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// bursty is a fake that lets a quarter of a minute's calls go at once, and the others evenly.
func bursty(o slacktest.Options) *slacktest.Server {
	o.Uplink, o.Downlink = oneWay, oneWay
	o.Burst = func(_ string, perMinute int) int { return (perMinute + 3) / 4 }
	return slacktest.NewServer(&o)
}

// quick fails the test unless something took at most 1.05 times the best possible time.
func quick(t *testing.T, took, best time.Duration) {
	t.Helper()
	ratio := float64(took) / float64(best)
	t.Logf("took %v, at best %v: %.4f", took, best, ratio)
	if ratio < 1 || ratio > 1.05 {
		t.Errorf("took %v, at best %v: %.4f", took, best, ratio)
	}
}

// loop simulates the best client that calls a method n times, one call after the answer to another, as pagers do, and
// keeps to so many in any minute, of which a quarter goes at once: it returns when the last is answered.
func loop(perMinute, n int) time.Duration {
	went := make([]time.Duration, n)
	for i := range went {
		went[i] = max(0, time.Duration(i+1-(perMinute+3)/4)*(time.Minute/time.Duration(perMinute)))
		if i > 0 {
			went[i] = max(went[i], went[i-1]+roundTrip)
		}
		if i >= perMinute {
			went[i] = max(went[i], went[i-perMinute]+time.Minute)
		}
	}
	return went[n-1] + roundTrip
}

func TestPagersOfSlackGoAreAsQuickAsTheirTiersAllow(t *testing.T) {
	const pages = 60
	everything := func(ctx context.Context, api *slack.Client) map[string]func() (int, error) {
		return map[string]func() (int, error){
			"users": func() (int, error) {
				all, err := api.GetUsersContext(ctx, slack.GetUsersOptionLimit(pageSize))
				return len(all), err
			},
			"conversations": func() (int, error) {
				all, err := api.GetAllConversationsContext(ctx, slack.GetConversationsOptionLimit(pageSize))
				return len(all), err
			},
			"history": func() (got int, err error) {
				params := &slack.GetConversationHistoryParameters{ChannelID: "C1", Limit: pageSize}
				for {
					page, err := api.GetConversationHistoryContext(ctx, params)
					if err != nil {
						return got, err
					}
					got += len(page.Messages)
					if params.Cursor = page.ResponseMetaData.NextCursor; params.Cursor == "" {
						return got, nil
					}
				}
			},
		}
	}
	perMinute := map[string]int{"users": 20, "conversations": 20, "history": 50}
	for _, retries := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			fake := bursty(slacktest.Options{Items: pages * pageSize})
			defer fake.Close()
			api, _ := clients(fake, retries)
			start := time.Now()
			var wg sync.WaitGroup
			for name, pager := range everything(t.Context(), api) {
				wg.Go(func() {
					got, err := pager()
					unhurt(t, err)
					if got != pages*pageSize {
						t.Errorf("%s: got %d, want %d", name, got, pages*pageSize)
					}
					quick(t, time.Since(start), loop(perMinute[name], pages))
				})
			}
			wg.Wait()
			if r := fake.Report(); r.Refused != 0 || r.ViolationCount != 0 || r.OK != 3*pages {
				t.Errorf("%d processed, refused %v, violations %v", r.OK, r.RefusedBy, r.Violations)
			}
		})
	}
}

// A file is what slack-go reads, and how far it is ahead of what Slack has.
type file struct {
	io.Reader
	read, most int64
	arrived    func() int64
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	f.read += int64(n)
	f.most = max(f.most, f.read-f.arrived())
	return n, err
}

func TestFilesOfSlackGoAreStreamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, held = 20 << 20, 1 << 20
		fake := bursty(slacktest.Options{})
		defer fake.Close()
		api, _ := clients(fake, 0)
		sum := sha256.New()
		content := &file{Reader: io.TeeReader(io.LimitReader(zeros{}, size), sum), arrived: fake.Uploaded}
		_, err := api.UploadFileContext(t.Context(), slack.UploadFileParameters{
			Reader: content, FileSize: size, Filename: "large.bin", Channel: "C1",
		})
		unhurt(t, err)
		got := fake.Uploads()
		if len(got) != 1 || got[0].Size != size || got[0].SHA256 != fmt.Sprintf("%x", sum.Sum(nil)) || !got[0].Complete {
			t.Errorf("uploaded %+v", got)
		}
		if content.most > held {
			t.Errorf("%d bytes were on the way, want at most %d", content.most, held)
		}
	})
}

// Files to one channel are messages in it; those who upload them do not wait for each other otherwise.
func TestFilesOfSlackGoToOneChannelAreASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10
		fake := bursty(slacktest.Options{Hide: true})
		defer fake.Close()
		api, plain := clients(fake, 0)
		start := time.Now()
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() { unhurt(t, upload(t.Context(), api, plain)) })
		}
		wg.Wait()
		took, best := time.Since(start), (n-1)*time.Second+3*roundTrip
		quick(t, took, best)
		r := fake.Report()
		if r.OK != 3*n || r.Refused != 0 || r.ViolationCount != 0 || fake.Busiest("post #1 C1", time.Second) != 1 {
			t.Errorf("%d processed, refused %v, violations %v", r.OK, r.RefusedBy, r.Violations)
		}
	})
}

// What is streamed can be sent only once: of the second step of an upload, slack-go gets the refusal, and the caller may
// begin again, which waits.
func TestARefusedFileOfSlackGoCanBeUploadedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := false
		fake := bursty(slacktest.Options{Refuse: func(_ *http.Request, b []string) (string, time.Duration) {
			if refused || !strings.HasPrefix(b[0], "upload") {
				return "", 0
			}
			refused = true
			return b[0], 10 * time.Second
		}})
		defer fake.Close()
		api, plain := clients(fake, 3)
		start := time.Now()
		var limited *slack.RateLimitedError
		if err := upload(t.Context(), api, plain); !errors.As(err, &limited) || limited.RetryAfter != 10*time.Second {
			t.Errorf("the error is %v", err)
		}
		told := time.Since(start)
		unhurt(t, upload(t.Context(), api, plain))
		if took, want := time.Since(start), told+10*time.Second+2*roundTrip; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
		if r := fake.Report(); r.Refused != 1 || r.ViolationCount != 0 {
			t.Errorf("refused %v, violations %v", r.RefusedBy, r.Violations)
		}
	})
}

func TestWebhooksOfSlackGoAreASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 30
		fake := bursty(slacktest.Options{Hide: true})
		defer fake.Close()
		_, plain := clients(fake, 0)
		start := time.Now()
		var wg sync.WaitGroup
		for range n / 2 {
			wg.Go(func() { unhurt(t, hook(t.Context(), nil, plain)) })
		}
		wg.Wait()
		took, best := time.Since(start), (n-1)*time.Second+roundTrip
		quick(t, took, best)
		if r := fake.Report(); r.OK != n || r.ViolationCount != 0 {
			t.Errorf("%d shown, violations %v", r.OK, r.Violations)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
