/* The plots: SVG that stretches to the width of the page, with its numbers in a table. Axes are HTML, so that their
 * text keeps its size however narrow the page is. */
#include "output/report_internal.h"

#include <math.h>
#include <stdio.h>

enum { PLOT_HEIGHT = 100, LEAST_HEIGHT = 2 }; /* in units of the drawing */

/* The largest power of ten that is not above; 1 for what is not positive. */
static double power_below(double number)
{
    double power = 1;

    while (number > 0 && power > number)
        power /= 10;
    while (power * 10 <= number)
        power *= 10;
    return power;
}

/* The next number of an axis (1, 2, 3, 4, 5, 6, 8 times a power of ten) that is not below. */
static double round_up(double number)
{
    static const double steps[] = {1, 2, 3, 4, 5, 6, 8, 10};
    const double power = power_below(number);
    size_t step = 0;

    while (steps[step] * power < number)
        step++;
    return steps[step] * power;
}

static struct html_text axis_text(double number)
{
    return number >= 10 ? html_count((uint64_t)number) : html_decimal(number, 2);
}

static void begin_plot(struct buffer *page, const char *id, const char *caption, double most)
{
    html_add(
        page,
        "<figure aria-labelledby=\"{}-caption\">\n<figcaption id=\"{}-caption\">{}</figcaption>\n<div class=\"plot\">\n"
        "<div class=\"y\" aria-hidden=\"true\"><span>{}</span><span>{}</span><span>0</span></div>\n",
        id, id, caption, axis_text(most).text, axis_text(most / 2).text);
}

/* `columns` are the units of the drawing's width; each bar takes one. */
static void begin_svg(struct buffer *page, const char *id, const char *title, const char *description, size_t columns)
{
    html_add(page,
             "<svg role=\"img\" aria-labelledby=\"{}-title {}-text\" viewBox=\"0 0 {} 100\" "
             "preserveAspectRatio=\"none\">\n<title id=\"{}-title\">{}</title>\n<desc id=\"{}-text\">{}</desc>\n",
             id, id, html_count(columns).text, id, title, id, description);
}

/* Returns where it ends, for the next one on top of it. */
static double add_bar(struct buffer *page, const char *class, size_t column, double from, double height)
{
    if (height <= 0)
        return from;
    /* What is there shows, however little it is. */
    if (height < LEAST_HEIGHT)
        height = LEAST_HEIGHT;
    html_add(page, "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\".9\" height=\"{}\"/>\n", class,
             html_decimal((double)column, 0).text, html_decimal(PLOT_HEIGHT - from - height, 2).text,
             html_decimal(height, 2).text);
    return from + height;
}

static void add_grid(struct buffer *page, size_t columns)
{
    html_add(page, "<path class=\"grid\" d=\"M0 0H{}M0 50H{}M0 100H{}\"/>\n", html_decimal((double)columns, 0).text,
             html_decimal((double)columns, 0).text, html_decimal((double)columns, 0).text);
}

/* --- rate and throttling --- */

static const struct {
    const char *class;
    const char *name;
} kinds[SERIES_KINDS] = {
    [SERIES_DONE] = {"done", "done"},
    [SERIES_THROTTLED] = {"throttled", "throttled"},
    [SERIES_OTHER] = {"other", "failed or lost"},
};

static double a_second(const struct series *series, uint64_t count)
{
    return (double)count * 1000.0 / (double)series->span_ms;
}

static double highest_rate(const struct series *series)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < series->used; i++) {
        uint64_t sum = 0;
        for (int kind = 0; kind < SERIES_KINDS; kind++)
            sum += series->counts[i][kind];
        highest = sum > highest ? sum : highest;
    }
    return a_second(series, highest);
}

static void draw_series(struct buffer *page, const struct series *series, double most)
{
    add_grid(page, series->used);
    for (size_t i = 0; i < series->used; i++) {
        double from = 0;
        for (int kind = 0; kind < SERIES_KINDS; kind++) {
            const double height = a_second(series, series->counts[i][kind]) * PLOT_HEIGHT / most;
            from = add_bar(page, kinds[kind].class, i, from, height);
        }
    }
    buffer_append_text(page, "</svg>\n");
}

static void add_time_axis(struct buffer *page, int64_t length_ms)
{
    html_add(page, "<div class=\"x\" aria-hidden=\"true\"><span>0</span><span>{}</span><span>{}</span></div>\n</div>\n",
             html_duration(length_ms / 2).text, html_duration(length_ms).text);
    buffer_append_text(page, "<ul class=\"legend\" aria-hidden=\"true\">\n");
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        html_add(page, "<li><span class=\"key {}\"></span>{}</li>\n", kinds[kind].class, kinds[kind].name);
    buffer_append_text(page, "</ul>\n");
}

static void add_series_table(struct buffer *page, const struct series *series)
{
    buffer_append_text(page, "<details>\n<summary>The numbers</summary>\n<table>\n<caption>Answers in each span of time"
                             "</caption>\n<thead><tr><th scope=\"col\">from</th>");
    for (int kind = 0; kind < SERIES_KINDS; kind++)
        html_add(page, "<th scope=\"col\">{}</th>", kinds[kind].name);
    buffer_append_text(page, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < series->used; i++) {
        const uint64_t *counts = series->counts[i];
        if (counts[SERIES_DONE] + counts[SERIES_THROTTLED] + counts[SERIES_OTHER] == 0)
            continue;
        html_add(page, "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                 html_duration((int64_t)i * series->span_ms).text, html_count(counts[SERIES_DONE]).text,
                 html_count(counts[SERIES_THROTTLED]).text, html_count(counts[SERIES_OTHER]).text);
    }
    buffer_append_text(page, "</tbody>\n</table>\n</details>\n");
}

void report_rate(struct buffer *page, const struct report_facts *facts)
{
    const struct series *series = &facts->series;
    char caption[96];
    char description[320];

    buffer_append_text(page,
                       "<section aria-labelledby=\"rate\">\n<h2 id=\"rate\">Rate and throttling over time</h2>\n");
    if (facts->requests == 0) {
        buffer_append_text(page, "<p>This run sent no request.</p>\n</section>\n");
        return;
    }
    const double most = round_up(highest_rate(series));
    const int64_t length_ms = (int64_t)series->used * series->span_ms;
    snprintf(caption, sizeof caption, "Answers a second, in spans of %s", html_duration(series->span_ms).text);
    snprintf(description, sizeof description,
             "%s answers in %s; at most %s a second; %s of them were throttles. The table below has the numbers.",
             html_count(facts->requests).text, html_duration(length_ms).text,
             html_decimal(highest_rate(series), 1).text, html_count(facts->throttled).text);
    begin_plot(page, "rate", caption, most);
    begin_svg(page, "rate", "Answers a second over the time of the run", description, series->used);
    draw_series(page, series, most);
    add_time_axis(page, length_ms);
    add_series_table(page, series);
    buffer_append_text(page, "</figure>\n</section>\n");
}

/* --- latency --- */

enum { BINS = 60, TICKS_MAX = 6 };

/* The axis that all operations share: milliseconds, of which each step is the same multiple. */
struct log_axis {
    double low;
    double high;
};

static double place_of(const struct log_axis *axis, double ms)
{
    return log(ms / axis->low) / log(axis->high / axis->low);
}

/* Ticks are at 1, 2, 5, 10, 20, ... */
static double tick_above(double ms)
{
    const double power = power_below(ms);

    return ms <= power ? power : ms <= 2 * power ? 2 * power : ms <= 5 * power ? 5 * power : 10 * power;
}

static double tick_below(double ms)
{
    const double power = power_below(ms);

    return ms >= 5 * power ? 5 * power : ms >= 2 * power ? 2 * power : power;
}

static struct html_text tick_text(double ms)
{
    struct html_text text;

    snprintf(text.text, sizeof text.text, ms < 1000 ? "%.0f ms" : "%.0f s", ms < 1000 ? ms : ms / 1000);
    return text;
}

static struct log_axis latency_axis(const struct report_facts *facts)
{
    uint32_t low = UINT32_MAX;
    uint32_t high = 1;

    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct latency *latency = &facts->latency[action];
        if (latency->total == 0)
            continue;
        const uint32_t first = latency_percentile(latency, 0);
        const uint32_t last = latency_percentile(latency, 1);
        low = first < low ? first : low;
        high = last > high ? last : high;
    }
    struct log_axis axis = {tick_below(low), tick_above(high)};
    if (axis.high < axis.low * 2)
        axis.high = axis.low * 2;
    return axis;
}

static void draw_latency(struct buffer *page, const struct latency *latency, const struct log_axis *axis)
{
    uint64_t bins[BINS] = {0};
    uint64_t highest = 1;

    for (size_t ms = 1; ms < latency->size; ms++) {
        const double place = place_of(axis, (double)ms) * BINS;
        if (latency->counts[ms] > 0)
            bins[place >= BINS ? BINS - 1 : place <= 0 ? 0 : (size_t)place] += latency->counts[ms];
    }
    for (size_t i = 0; i < BINS; i++)
        highest = bins[i] > highest ? bins[i] : highest;
    for (size_t i = 0; i < BINS; i++)
        add_bar(page, "done", i, 0, (double)bins[i] * PLOT_HEIGHT / (double)highest);
    html_add(page, "<path class=\"median\" d=\"M{} 0V100\"/>\n<path class=\"grid\" d=\"M0 100H60\"/>\n</svg>\n",
             html_decimal(place_of(axis, latency_percentile(latency, 0.5)) * BINS, 2).text);
}

static void add_latency_plot(struct buffer *page, const struct report_facts *facts, const struct log_axis *axis,
                             enum action action)
{
    const struct latency *latency = &facts->latency[action];
    char id[32];
    char title[64];
    char description[160];

    snprintf(id, sizeof id, "latency-%s", action_name(action));
    snprintf(title, sizeof title, "How long each %s took", action_name(action));
    snprintf(description, sizeof description, "Half of %s answers came within %u ms, the slowest after %u ms.",
             html_count(latency->total).text, (unsigned)latency_percentile(latency, 0.5),
             (unsigned)latency_percentile(latency, 1));
    html_add(page, "<div class=\"strip\"><span aria-hidden=\"true\">{}</span>\n", action_name(action));
    begin_svg(page, id, title, description, BINS);
    draw_latency(page, latency, axis);
    buffer_append_text(page, "</div>\n");
}

/* Labels that have no room leave it to those of the powers of ten. */
static void add_log_axis(struct buffer *page, const struct log_axis *axis)
{
    int count = 0;

    /* NOLINTNEXTLINE(cert-flp30-c,clang-analyzer-security.FloatLoopCounter): the steps are not even */
    for (double tick = axis->low; tick <= axis->high * 1.001; tick = tick_above(tick * 1.001))
        count++;
    buffer_append_text(page, "<div class=\"strip\"><span></span><div class=\"log\" aria-hidden=\"true\">");
    /* NOLINTNEXTLINE(cert-flp30-c,clang-analyzer-security.FloatLoopCounter): the steps are not even */
    for (double tick = axis->low; tick <= axis->high * 1.001; tick = tick_above(tick * 1.001))
        if (count <= TICKS_MAX || tick <= power_below(tick) * 1.001)
            html_add(page, "<span style=\"left:{}%\">{}</span>", html_decimal(place_of(axis, tick) * 100, 1).text,
                     tick_text(tick).text);
    buffer_append_text(page, "</div></div>\n");
}

static void add_latency_table(struct buffer *page, const struct report_facts *facts)
{
    static const double shares[] = {0.5, 0.9, 0.99, 1};

    buffer_append_text(page,
                       "<table>\n<caption>Milliseconds within which that share of the answers came; throttles are "
                       "not counted</caption>\n<thead><tr><th scope=\"col\">operation</th><th scope=\"col\">answers"
                       "</th><th scope=\"col\">50%</th><th scope=\"col\">90%</th><th scope=\"col\">99%</th>"
                       "<th scope=\"col\">all</th></tr></thead>\n<tbody>\n");
    for (int action = 0; action < ACTION_COUNT; action++) {
        const struct latency *latency = &facts->latency[action];
        if (latency->total == 0)
            continue;
        html_add(page, "<tr><th scope=\"row\">{}</th><td>{}</td>", action_name((enum action)action),
                 html_count(latency->total).text);
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
            html_add(page, "<td>{}</td>", html_count(latency_percentile(latency, shares[i])).text);
        buffer_append_text(page, "</tr>\n");
    }
    buffer_append_text(page, "</tbody>\n</table>\n");
}

void report_latency(struct buffer *page, const struct report_facts *facts)
{
    uint64_t answers = 0;

    for (int action = 0; action < ACTION_COUNT; action++)
        answers += facts->latency[action].total;
    buffer_append_text(page, "<section aria-labelledby=\"latency\">\n<h2 id=\"latency\">Latency by operation</h2>\n");
    if (answers == 0) {
        buffer_append_text(page, "<p>No answer was timed in this run.</p>\n</section>\n");
        return;
    }
    const struct log_axis axis = latency_axis(facts);
    add_latency_table(page, facts);
    buffer_append_text(page, "<figure aria-labelledby=\"latency-caption\">\n<figcaption id=\"latency-caption\">How "
                             "many answers took how long; the line marks half of them"
                             "</figcaption>\n");
    for (int action = 0; action < ACTION_COUNT; action++)
        if (facts->latency[action].total > 0)
            add_latency_plot(page, facts, &axis, (enum action)action);
    add_log_axis(page, &axis);
    buffer_append_text(page, "</figure>\n</section>\n");
}

/* --- tokens --- */

static uint64_t most_tokens(const struct report_facts *facts)
{
    uint64_t most = 0;

    for (size_t hour = 0; hour < HOURS; hour++)
        most = facts->tokens_by_hour[hour] > most ? facts->tokens_by_hour[hour] : most;
    return most;
}

static void add_token_table(struct buffer *page, const struct report_facts *facts)
{
    char span[48];

    buffer_append_text(page,
                       "<details>\n<summary>The numbers</summary>\n<table>\n<caption>Active users by the time that "
                       "their token has left</caption>\n<thead><tr><th scope=\"col\">time left</th>"
                       "<th scope=\"col\">users</th></tr></thead>\n<tbody>\n");
    for (unsigned hour = 0; hour < HOURS; hour++) {
        if (facts->tokens_by_hour[hour] == 0)
            continue;
        snprintf(span, sizeof span, "%u to %u h", hour, hour + 1);
        html_add(page, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", span,
                 html_count(facts->tokens_by_hour[hour]).text);
    }
    if (facts->tokens_longer > 0)
        html_add(page, "<tr><th scope=\"row\">longer</th><td>{}</td></tr>\n", html_count(facts->tokens_longer).text);
    html_add(page, "<tr><th scope=\"row\">no live token</th><td>{}</td></tr>\n</tbody>\n</table>\n</details>\n",
             html_count(facts->tokens_none).text);
}

void report_tokens(struct buffer *page, const struct report_facts *facts)
{
    const struct ledger_counts *counts = &facts->counts;
    char description[320];

    buffer_append_text(page, "<section aria-labelledby=\"tokens\">\n<h2 id=\"tokens\">Tokens by time left</h2>\n");
    html_add(
        page,
        "<p>On {}: {} active identities, of which {} have a live token; {} end within an hour, {} within six.</p>\n",
        html_time(facts->now_ms).text, html_count(counts->by_state[IDENTITY_ACTIVE]).text,
        html_count(counts->tokens_live).text, html_count(counts->tokens_within_1h).text,
        html_count(counts->tokens_within_6h).text);
    if (counts->tokens_live == 0) {
        buffer_append_text(page, "</section>\n");
        return;
    }
    const double most = round_up((double)most_tokens(facts));
    snprintf(description, sizeof description, "%s live tokens; %s end within an hour, %s within six hours.",
             html_count(counts->tokens_live).text, html_count(counts->tokens_within_1h).text,
             html_count(counts->tokens_within_6h).text);
    begin_plot(page, "tokens", "Users by the hours that their token has left", most);
    begin_svg(page, "tokens", "Tokens by the hours left", description, HOURS);
    add_grid(page, HOURS);
    for (size_t hour = 0; hour < HOURS; hour++)
        add_bar(page, "done", hour, 0, (double)facts->tokens_by_hour[hour] * PLOT_HEIGHT / most);
    buffer_append_text(page,
                       "</svg>\n<div class=\"x\" aria-hidden=\"true\"><span>0</span><span>6 h</span><span>12 h</span>"
                       "<span>18 h</span><span>24 h</span></div>\n</div>\n");
    add_token_table(page, facts);
    buffer_append_text(page, "</figure>\n</section>\n");
}
