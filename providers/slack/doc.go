// Package slack knows the rate limits of Slack: of its Web API, webhooks, workflow triggers, SCIM and Audit Logs
// APIs, on slack.com and slack-gov.com.
//
// Slack counts by app, workspace and method, and sends no header that says how much is left. So requests keep to the
// documented numbers, https://docs.slack.dev/apis/web-api/rate-limits, and wait when Slack refuses one. A token
// stands for the app and workspace that it belongs to, its installation. It is found wherever clients put it: in the
// Authorization header, the query, a form, multipart or JSON. Answers show which tokens belong to one installation;
// you can also say it by [WithInstall] and [Options]. Messages are also limited for each channel, before they are
// sent: above that limit Slack may accept messages and hide them.
package slack
