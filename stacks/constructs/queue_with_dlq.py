"""A queue as we use them: encrypted, TLS only, with a dead-letter queue behind it."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

_DEAD_LETTERS_KEPT = Duration.days(14)
_VISIBILITY_FACTOR = 6
"""AWS's advice: a batch must stay invisible through the retries of a throttled function, six times its timeout."""


class QueueWithDlq(Construct):
    """A queue and its dead-letter queue.

    Args:
        construct_id: logical id of the queue; the dead-letter queue's adds ``Dlq``.
        worker_timeout: of the function that consumes it; the visibility timeout follows from it.
        attempts: receives before a message is moved to the dead-letter queue.
        retention: how long an unread message is worth delivering.
        fifo: whether messages of one group keep their order, and repetitions within five minutes are dropped; of any
            number of groups, each by itself.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        worker_timeout: Duration,
        attempts: int,
        retention: Duration,
        fifo: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self._fifo = fifo
        self.dead_letters = self._queue(f"{construct_id}Dlq", retention_period=_DEAD_LETTERS_KEPT)
        self.queue = self._queue(
            construct_id,
            retention_period=retention,
            visibility_timeout=Duration.seconds(worker_timeout.to_seconds() * _VISIBILITY_FACTOR),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=attempts),
        )

    def _queue(self, logical_id: str, **props: object) -> sqs.Queue:
        if self._fifo:
            # High throughput: the limit of 300 calls a second holds for each message group, not for the queue.
            props |= {
                "fifo": True,
                "deduplication_scope": sqs.DeduplicationScope.MESSAGE_GROUP,
                "fifo_throughput_limit": sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            }
        queue = sqs.Queue(self, logical_id, encryption=sqs.QueueEncryption.SQS_MANAGED, enforce_ssl=True, **props)  # type: ignore[arg-type]
        resource = queue.node.default_child
        assert isinstance(resource, sqs.CfnQueue)
        resource.override_logical_id(logical_id)
        return queue
