package workload_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// A content is the body of a message, as clients write it.
type content struct{ mediaType, body string }

// contents are the ways to post one text.
func contents(t *testing.T, text string) map[string]content {
	t.Helper()
	pairs := [][2]string{{"text", text}, {"channel", "C1"}, {"token", "xoxb-test"}} // what matters comes last
	form, multi, object := []string{}, &bytes.Buffer{}, map[string]string{}
	w := multipart.NewWriter(multi)
	for _, p := range pairs {
		form = append(form, p[0]+"="+url.QueryEscape(p[1]))
		object[p[0]] = p[1]
		if err := w.WriteField(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	inJSON, err := json.MarshalIndent(object, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]content{
		"a form":         {"application/x-www-form-urlencoded", strings.Join(form, "&")},
		"JSON":           {"application/json; charset=utf-8", string(inJSON)},
		"multipart form": {w.FormDataContentType(), multi.String()},
	}
}

func TestWhatIsReadOfABodyReachesSlackByteForByte(t *testing.T) {
	for _, size := range []int{10, 3 << 10, 63 << 10, 64 << 10, 200 << 10} {
		for name, c := range contents(t, strings.Repeat("ä +%&\n", size/6)) {
			for _, again := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s of %d bytes, to be had again %t", name, len(c.body), again), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						refusals := 0
						f := slacktest.NewServer(&slacktest.Options{
							Uplink: uplink, Downlink: downlink,
							Refuse: func(_ *http.Request, buckets []string) (string, time.Duration) {
								if refusals++; refusals == 1 && again {
									return buckets[0], time.Second // so that it is sent twice
								}
								return "", 0
							},
						})
						defer f.Close()
						client, _ := newClient(slack.New(nil), f)
						req, err := http.NewRequest(http.MethodPost, "https://slack.com/api/chat.postMessage", strings.NewReader(c.body))
						if err != nil {
							t.Fatal(err)
						}
						req.Header.Set("Content-Type", c.mediaType)
						if !again {
							req.GetBody, req.ContentLength = nil, -1
						}
						resp, err := client.Do(req)
						if err != nil {
							t.Fatal(err)
						}
						resp.Body.Close()
						got := f.Delivered()
						if len(got) != 1 || string(got[0].Body) != c.body {
							t.Fatalf("%d messages were delivered, want this one", len(got))
						}
						if want := map[bool]int{true: 1, false: 0}[again]; f.Report().Refused != want {
							t.Errorf("%d refused, want %d", f.Report().Refused, want)
						}
					})
				})
			}
		}
	}
}

// An ahead is the content of a file that notes how far its reader is ahead of what the server has. Its bytes differ from
// place to place.
type ahead struct {
	left   int64
	read   int64
	server func() int64
	most   int64
	sum    interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func (a *ahead) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), a.left))
	for i := range p[:n] {
		p[i] = byte((a.read + int64(i)) * 2654435761 >> 24)
	}
	a.left, a.read = a.left-int64(n), a.read+int64(n)
	a.sum.Write(p[:n])
	a.most = max(a.most, a.read-a.server())
	return n, nil
}

func TestALargeFileIsStreamedToSlack(t *testing.T) {
	const size, held = 100 << 20, 1 << 20
	for name, wrap := range map[string]func(*http.Request, io.Reader){
		"as it is": func(req *http.Request, file io.Reader) {
			req.Body, req.ContentLength = io.NopCloser(file), size
			req.Header.Set("Content-Type", "application/octet-stream")
		},
		"in a form of unknown length": func(req *http.Request, file io.Reader) {
			r, w := io.Pipe()
			form := multipart.NewWriter(w)
			req.Body, req.ContentLength = r, -1
			req.Header.Set("Content-Type", form.FormDataContentType())
			go func() {
				part, err := form.CreateFormFile("file", "large.bin")
				if err == nil {
					_, err = io.Copy(part, file)
				}
				form.Close()
				w.CloseWithError(err)
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := slacktest.NewServer(&slacktest.Options{Uplink: uplink, Downlink: downlink})
				defer f.Close()
				client, registry := newClient(slack.New(nil), f)
				if err := do(t.Context(), client, webCall("xoxb-test", "files.getUploadURLExternal",
					"filename", "large.bin", "length", fmt.Sprint(size))); err != nil {
					t.Fatal(err)
				}
				file := f.Uploads()[0]
				source := &ahead{left: size, server: f.Uploaded, sum: sha256.New()}
				req, err := http.NewRequest(http.MethodPost, "https://files.slack.com/upload/v1/"+file.ID, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer xoxb-test")
				req.GetBody = nil
				wrap(req, source)

				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				resp, err := client.Do(req)
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Fatalf("the status is %d", resp.StatusCode)
				}
				// Whatever was allocated, freed since or not, is more than what was held.
				if used := after.TotalAlloc - before.TotalAlloc; used > held {
					t.Errorf("%d bytes of memory were used, want at most %d", used, held)
				}
				if source.most > held {
					t.Errorf("%d bytes were on the way, want at most %d", source.most, held)
				}
				t.Logf("%d bytes allocated, %d on the way at most", after.TotalAlloc-before.TotalAlloc, source.most)

				if err := do(t.Context(), client, webCall("xoxb-test", "files.completeUploadExternal",
					"files", `[{"id":"`+file.ID+`"}]`, "channel_id", "C1")); err != nil {
					t.Fatal(err)
				}
				file = f.Uploads()[0]
				if want := hex.EncodeToString(source.sum.Sum(nil)); file.Size != size || file.SHA256 != want || !file.Complete {
					t.Errorf("what arrived is %+v, want all of it, with the sum %s", file, want)
				}
				clean(t, f, f.Report(), registry, 0)
			})
		})
	}
}
