// Package slack knows the rate limits of Slack: of its Web API, webhooks, workflow triggers, SCIM and Audit Logs APIs,
// on slack.com and slack-gov.com.
//
// Slack counts by app, workspace and method, and sends no header that says how much is left. So requests are paced by
// what it documents, https://docs.slack.dev/apis/web-api/rate-limits, and held back by what it refuses. A token stands
// for the app and workspace it belongs to, its installation; it is found wherever clients put it: in the Authorization
// header, the query, a form, multipart or JSON. Answers that come by tell which tokens are of one installation, and
// [WithInstall] and [Options] let you say so. Messages are paced for each channel, too, and before they are sent: above
// its limit Slack may accept messages and hide them.
package slack
