"""The stateful stack: tables, media bucket, secrets.

It changes rarely, and in a protected environment no deployment can delete any of it.
"""

from collections.abc import Sequence

from aws_cdk import CfnOutput, CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.config import Run
from stacks.names import INDEXES, Secret, Table

_STRING = dynamodb.AttributeType.STRING
_NUMBER = dynamodb.AttributeType.NUMBER
_SECRET_LENGTH = 48


def _key(name: str, kind: dynamodb.AttributeType) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=kind)


class Storage(Stack):
    """Four tables by life cycle, the media bucket and the secrets.

    ``Messages`` holds every conversation's log: (conversation ``c``, seq ``s``); ``by_uid`` finds a message by its uid
    ``i``. ``Directory`` holds users, groups, members and conversation rows: (``pk``, ``sk``); ``by_type`` lists items of
    a type. ``Presence`` has one item per user ``u`` with his devices; ``online`` lists who is connected, by a shard ``o``.
    ``Ephemera`` has leases, nonces and rate buckets by ``k``, removed some time after ``ttl``. In ``Messages`` and
    ``Directory`` only what belongs to chatrooms expires.

    Attributes:
        tables, secrets: the tables and secrets by name.
        media: uploads, by presigned POST only.
        media_cdn: what serves them, where the environment wants it.
        media_base_url: what a stored object's public URL begins with, without a slash at the end.
    """

    def __init__(self, scope: Construct, construct_id: str, run: Run) -> None:
        environment = run.environment
        super().__init__(
            scope,
            construct_id,
            stack_name=environment.stack_name("storage"),
            description="Wildfire IM: tables, media and secrets",
            termination_protection=environment.protect,
        )
        self._environment = environment
        self._removal = RemovalPolicy.RETAIN if environment.protect else RemovalPolicy.DESTROY
        self.tables = {
            Table.MESSAGES: self._table(
                Table.MESSAGES,
                _key("c", _STRING),
                _key("s", _NUMBER),
                index=[_key("i", _NUMBER)],
                time_to_live="e",
            ),
            Table.DIRECTORY: self._table(
                Table.DIRECTORY,
                _key("pk", _STRING),
                _key("sk", _STRING),
                index=[_key("gt", _STRING), _key("gs", _STRING)],
                time_to_live="ttl",
            ),
            Table.PRESENCE: self._table(
                Table.PRESENCE, _key("u", _STRING), index=[_key("o", _NUMBER), _key("u", _STRING)]
            ),
            Table.EPHEMERA: self._table(Table.EPHEMERA, _key("k", _STRING), recoverable=False, time_to_live="ttl"),
        }
        self.secrets = {
            Secret.ADMIN: self._secret(Secret.ADMIN, "Signs calls of the server API"),
            Secret.TOKEN: self._secret(Secret.TOKEN, "Signs the tokens that clients connect with"),
            Secret.CALLBACK: self._secret(Secret.CALLBACK, "Signs callbacks to the business back end"),
            Secret.WEB_PUSH: self._secret(
                Secret.WEB_PUSH, "The key that Web Push messages are signed with follows from it"
            ),
        }
        self.media = self._media_bucket()
        self.media_cdn = self._media_distribution() if environment.media_cdn and not run.emulator else None
        host = self.media_cdn.distribution_domain_name if self.media_cdn else self.media.bucket_regional_domain_name
        self.media_base_url = f"https://{host}"
        CfnOutput(self, "AdminSecretArn", value=self.secrets[Secret.ADMIN].secret_arn)
        CfnOutput(self, "CallbackSecretArn", value=self.secrets[Secret.CALLBACK].secret_arn)
        CfnOutput(self, "MediaBucketName", value=self.media.bucket_name)

    def _table(
        self,
        name: Table,
        partition_key: dynamodb.Attribute,
        sort_key: dynamodb.Attribute | None = None,
        *,
        index: Sequence[dynamodb.Attribute] = (),
        recoverable: bool = True,
        time_to_live: str | None = None,
    ) -> dynamodb.TableV2:
        table = dynamodb.TableV2(
            self,
            name,
            partition_key=partition_key,
            sort_key=sort_key,
            global_secondary_indexes=[_sparse_index(INDEXES[name], *index)] if index else None,
            billing=dynamodb.Billing.on_demand(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=recoverable
            ),
            time_to_live_attribute=time_to_live,
            deletion_protection=self._environment.protect,
            removal_policy=self._removal,
        )
        _name_resource(table, name)
        return table

    def _secret(self, name: Secret, description: str) -> secretsmanager.Secret:
        """A generated plain string. Its readers accept the previous version too, so it rotates without a pause."""
        secret = secretsmanager.Secret(
            self,
            name,
            description=description,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=_SECRET_LENGTH
            ),
            removal_policy=self._removal,
        )
        _name_resource(secret, name)
        return secret

    def _media_bucket(self) -> s3.Bucket:
        cors = s3.CorsRule(
            allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.GET],
            allowed_origins=list(self._environment.media_origins),
            allowed_headers=["*"],
            exposed_headers=["ETag", "Location"],
            max_age=3600,
        )
        bucket = s3.Bucket(
            self,
            "Media",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            cors=[cors] if self._environment.media_origins else None,
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1))],
            removal_policy=self._removal,
        )
        _name_resource(bucket, "Media")
        return bucket

    def _media_distribution(self) -> cloudfront.Distribution:
        return cloudfront.Distribution(
            self,
            "MediaCdn",
            comment=f"Media of {self.stack_name}",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(self.media),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                # Uploads are other people's files: no sniffing, and web clients of any origin may fetch them.
                response_headers_policy=cloudfront.ResponseHeadersPolicy.CORS_ALLOW_ALL_ORIGINS_AND_SECURITY_HEADERS,
                compress=True,
            ),
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )


def _sparse_index(
    name: str, partition_key: dynamodb.Attribute, sort_key: dynamodb.Attribute | None = None
) -> dynamodb.GlobalSecondaryIndexPropsV2:
    """An index that carries keys only: it costs a write unit just for the items that have its attributes."""
    return dynamodb.GlobalSecondaryIndexPropsV2(
        index_name=name,
        partition_key=partition_key,
        sort_key=sort_key,
        projection_type=dynamodb.ProjectionType.KEYS_ONLY,
    )


def _name_resource(construct: Construct, logical_id: str) -> None:
    """Readable logical ids for what holds data: moving a construct in the code must not replace it."""
    resource = construct.node.default_child
    assert isinstance(resource, CfnResource)
    resource.override_logical_id(logical_id)
