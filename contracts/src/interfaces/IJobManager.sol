// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IJobManager
/// @notice Jobs and the money set aside for them.
interface IJobManager {
    enum Trigger {
        Interval,
        Cron,
        OneShot,
        Blocks,
        Log,
        Condition
    }

    enum Action {
        Wasm,
        Upkeep,
        Resolver,
        Call
    }

    enum Status {
        None,
        Active,
        Paused,
        Cancelled
    }

    /// @notice What a creator asks for.
    struct JobParams {
        Trigger trigger;
        /// @dev Interval: abi.encode(uint64 start, uint32 interval), unix seconds and seconds
        bytes triggerData;
        Action action;
        /// @dev where keepers fetch the code: https, ipfs, and for local use http, file, data
        string codeUrl;
        /// @dev sha256 of the code
        bytes32 codeHash;
        /// @dev handed to the code unchanged
        bytes params;
        /// @dev contract that receives the outcome, as calldata, from the job's forwarder
        address target;
        uint32 callbackGas;
        /// @dev zero: the chain's own coin
        address token;
        /// @dev what one settled task costs, all keepers together
        uint96 fee;
        uint16 quorumBps;
    }

    /// @notice What is kept of a job.
    struct Job {
        address owner;
        uint32 version;
        Status status;
        Trigger trigger;
        Action action;
        uint16 quorumBps;
        address target;
        uint32 callbackGas;
        uint64 inactiveFrom;
        address token;
        uint96 fee;
        uint128 escrow;
        uint64 start;
        uint32 interval;
        bytes32 codeHash;
        address forwarder;
    }

    /// @notice What a settlement needs to know of a job.
    struct Terms {
        Status status;
        uint32 version;
        uint16 quorumBps;
        uint64 inactiveFrom;
        uint64 start;
        uint32 interval;
        uint32 callbackGas;
        address target;
        address token;
        uint96 fee;
        bytes32 codeHash;
        address forwarder;
    }

    event JobCreated(uint64 indexed jobId, address indexed owner, address forwarder, JobParams params);
    event JobFunded(uint64 indexed jobId, address indexed from, uint256 amount, uint256 escrow);
    /// @notice Tasks due up to `inactiveFrom` (unix seconds) still run.
    event JobPaused(uint64 indexed jobId, uint64 inactiveFrom);
    event JobResumed(uint64 indexed jobId, uint32 version, uint64 activeFrom);
    event JobCancelled(uint64 indexed jobId, uint64 inactiveFrom);
    event WithdrawalRequested(uint64 indexed jobId, uint256 amount, uint64 availableAt);
    event JobWithdrawn(uint64 indexed jobId, address indexed to, uint256 amount, uint256 escrow);

    error NotOwner();
    error UnknownJob(uint64 jobId);
    error InvalidTrigger();
    error InvalidAction();
    error InvalidInterval();
    error InvalidQuorum(uint16 quorumBps);
    error InvalidTarget(address target);
    error InvalidCallbackGas(uint32 callbackGas);
    error InvalidCode();
    error ParamsTooLong();
    error ZeroFee();
    error WrongStatus(Status status);
    error WrongValue();
    error NothingRequested();
    error TooEarly(uint64 availableAt);
    error InsufficientEscrow();
    error OnlyTaskManager();
    error ZeroRecipient();

    function createJob(JobParams calldata params, uint256 funding) external payable returns (uint64 jobId);
    function fund(uint64 jobId, uint256 amount) external payable;
    /// @notice Stops the tasks due after the notice period.
    function pause(uint64 jobId) external;
    /// @notice Starts a paused job again as a new version, `noticeSeconds` after the last task of the old one was due
    /// or later. The new version's run 0 is due at the first moment of the old rhythm that is at least `noticeSeconds`
    /// away, so no run is due twice and every keeper knows the version before its first anchor.
    function resume(uint64 jobId) external;
    /// @notice Stops the job for good, after the notice period.
    function cancel(uint64 jobId) external;
    /// @notice Announces a withdrawal; the amount can be taken `noticeSeconds` later, and not sooner than
    /// `noticeSeconds` after the last task of a paused or cancelled job. A later request replaces an earlier one.
    function requestWithdrawal(uint64 jobId, uint256 amount) external;
    function withdraw(uint64 jobId, address to) external;

    function noticeSeconds() external view returns (uint32);
    function jobCount() external view returns (uint64);
    /// @notice A job's record; one that was never created has status None.
    function job(uint64 jobId) external view returns (Job memory);

    /// @notice The job's address towards its target; also before the job exists.
    function forwarderOf(uint64 jobId) external view returns (address);
    function terms(uint64 jobId) external view returns (Terms memory);

    /// @notice Takes `amount` from a job's escrow for a settled task, if the escrow covers the whole fee. Only the
    /// TaskManager calls it.
    function charge(uint64 jobId, uint256 amount) external returns (bool charged);
    /// @notice Pays out what keepers were owed. Only the TaskManager calls it.
    function pay(address token, address to, uint256 amount) external;
}
