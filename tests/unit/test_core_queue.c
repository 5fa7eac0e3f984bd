#include "core/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <time.h>

static struct queue *new_queue(size_t capacity)
{
    struct error error;
    struct queue *queue = queue_new(capacity, &error);

    assert_non_null(queue);
    return queue;
}

static void *item(uintptr_t number)
{
    return (void *)number;
}

static bool is_readable(const struct queue *queue)
{
    struct pollfd descriptor = {.fd = queue_event_fd(queue), .events = POLLIN};

    return poll(&descriptor, 1, 0) == 1;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(long milliseconds)
{
    const struct timespec pause = {.tv_nsec = milliseconds * 1000000};

    nanosleep(&pause, NULL);
}

static void items_come_out_in_the_order_they_went_in(void **state)
{
    struct queue *queue = new_queue(3);
    void *items[3];

    (void)state;
    for (uintptr_t round = 0; round < 10; round++) {
        assert_true(queue_push(queue, item(round * 10 + 1)));
        assert_true(queue_push(queue, item(round * 10 + 2)));
        assert_int_equal(queue_pop(queue, items, 3, -1), 2);
        assert_ptr_equal(items[0], item(round * 10 + 1));
        assert_ptr_equal(items[1], item(round * 10 + 2));
    }
    queue_free(queue);
    queue_free(NULL);
}

static void no_more_are_taken_than_asked_for(void **state)
{
    struct queue *queue = new_queue(3);
    void *items[3];

    (void)state;
    for (uintptr_t i = 1; i <= 3; i++)
        queue_push(queue, item(i));
    assert_int_equal(queue_pop(queue, items, 2, -1), 2);
    assert_int_equal(queue_try_pop(queue, items, 2), 1);
    assert_ptr_equal(items[0], item(3));
    assert_int_equal(queue_try_pop(queue, items, 2), 0);
    queue_free(queue);
}

static void waiting_for_an_item_ends_in_time(void **state)
{
    struct queue *queue = new_queue(1);
    void *items[1];
    const int64_t before = now_ms();

    (void)state;
    assert_int_equal(queue_pop(queue, items, 1, 30), 0);
    assert_in_range(now_ms() - before, 29, 5000);
    assert_int_equal(queue_pop(queue, items, 1, 0), 0);
    assert_false(queue_is_finished(queue));
    queue_free(queue);
}

static void the_event_descriptor_is_readable_while_there_are_items(void **state)
{
    struct queue *queue = new_queue(4);
    void *items[4];

    (void)state;
    assert_false(is_readable(queue));
    queue_push(queue, item(1));
    queue_push(queue, item(2));
    assert_true(is_readable(queue));
    assert_int_equal(queue_try_pop(queue, items, 1), 1);
    assert_true(is_readable(queue));
    assert_int_equal(queue_try_pop(queue, items, 4), 1);
    assert_false(is_readable(queue));
    queue_push(queue, item(3));
    assert_true(is_readable(queue));
    queue_free(queue);
}

static void what_is_queued_outlives_the_close(void **state)
{
    struct queue *queue = new_queue(2);
    void *items[2];

    (void)state;
    queue_push(queue, item(1));
    queue_close(queue);
    assert_false(queue_push(queue, item(2)));
    assert_false(queue_is_finished(queue));
    assert_int_equal(queue_pop(queue, items, 2, -1), 1);
    assert_true(queue_is_finished(queue));
    assert_true(is_readable(queue));
    assert_int_equal(queue_pop(queue, items, 2, -1), 0);
    assert_int_equal(queue_try_pop(queue, items, 2), 0);
    assert_true(is_readable(queue));
    queue_free(queue);
}

enum { MANY = 200000 };

static void *push_many(void *argument)
{
    struct queue *queue = argument;

    for (uintptr_t i = 1; i <= MANY; i++)
        if (!queue_push(queue, item(i)))
            break;
    queue_close(queue);
    return NULL;
}

static void nothing_is_lost_between_two_threads(void **state)
{
    struct queue *queue = new_queue(7);
    void *items[5];
    uintptr_t expected = 1;
    pthread_t producer;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, push_many, queue), 0);
    while (!queue_is_finished(queue)) {
        const size_t count = queue_pop(queue, items, 5, -1);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(items[i], item(expected++));
    }
    assert_int_equal(expected, MANY + 1);
    pthread_join(producer, NULL);
    queue_free(queue);
}

static void nothing_is_lost_when_the_consumer_polls(void **state)
{
    struct queue *queue = new_queue(7);
    struct pollfd descriptor = {.fd = queue_event_fd(queue), .events = POLLIN};
    void *items[3];
    uintptr_t expected = 1;
    pthread_t producer;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, push_many, queue), 0);
    while (!queue_is_finished(queue)) {
        assert_int_equal(poll(&descriptor, 1, 10000), 1);
        const size_t count = queue_try_pop(queue, items, 3);
        for (size_t i = 0; i < count; i++)
            assert_ptr_equal(items[i], item(expected++));
    }
    assert_int_equal(expected, MANY + 1);
    pthread_join(producer, NULL);
    queue_free(queue);
}

static void *push_two(void *argument)
{
    struct queue *queue = argument;
    const bool first = queue_push(queue, item(1));
    const bool second = queue_push(queue, item(2));

    return item(first ? (second ? 2 : 1) : 0);
}

static void a_full_queue_makes_the_producer_wait(void **state)
{
    struct queue *queue = new_queue(1);
    void *items[2];
    void *pushed;
    pthread_t producer;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, push_two, queue), 0);
    sleep_ms(20);
    assert_int_equal(queue_pop(queue, items, 2, -1), 1);
    assert_int_equal(queue_pop(queue, items, 2, 10000), 1);
    assert_ptr_equal(items[0], item(2));
    pthread_join(producer, &pushed);
    assert_ptr_equal(pushed, item(2));
    queue_free(queue);
}

static void closing_wakes_a_producer_that_waits_for_room(void **state)
{
    struct queue *queue = new_queue(1);
    void *pushed;
    pthread_t producer;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, push_two, queue), 0);
    sleep_ms(20);
    queue_close(queue);
    pthread_join(producer, &pushed);
    assert_true(pushed == item(1) || pushed == item(0));
    queue_free(queue);
}

static void *pop_one(void *argument)
{
    void *items[1];

    return item(queue_pop(argument, items, 1, -1));
}

static void closing_wakes_a_consumer_that_waits_for_items(void **state)
{
    struct queue *queue = new_queue(1);
    void *popped;
    pthread_t consumer;

    (void)state;
    assert_int_equal(pthread_create(&consumer, NULL, pop_one, queue), 0);
    sleep_ms(20);
    queue_close(queue);
    pthread_join(consumer, &popped);
    assert_ptr_equal(popped, item(0));
    assert_true(queue_is_finished(queue));
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_the_order_they_went_in),
        cmocka_unit_test(no_more_are_taken_than_asked_for),
        cmocka_unit_test(waiting_for_an_item_ends_in_time),
        cmocka_unit_test(the_event_descriptor_is_readable_while_there_are_items),
        cmocka_unit_test(what_is_queued_outlives_the_close),
        cmocka_unit_test(nothing_is_lost_between_two_threads),
        cmocka_unit_test(nothing_is_lost_when_the_consumer_polls),
        cmocka_unit_test(a_full_queue_makes_the_producer_wait),
        cmocka_unit_test(closing_wakes_a_producer_that_waits_for_room),
        cmocka_unit_test(closing_wakes_a_consumer_that_waits_for_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
