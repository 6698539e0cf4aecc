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

    /// @notice What becomes of runs that came due while nobody could make them.
    enum Missed {
        /// @dev each is made up for, in order, for as long as it may settle
        All,
        /// @dev the newest alone: one is given up when the next is due
        Once,
        /// @dev none: one is given up a minute after it was due
        Skip
    }

    /// @notice What a creator asks for.
    struct JobParams {
        Trigger trigger;
        /// @dev by kind, see "Triggers and actions" in contracts/README.md
        bytes triggerData;
        Action action;
        /// @dev where keepers fetch the code: https, ipfs, and for local use http, file, data; this and the next two by kind
        string codeUrl;
        /// @dev sha256 of the code
        bytes32 codeHash;
        /// @dev what the action takes unchanged
        bytes params;
        /// @dev contract that receives the outcome, as calldata, from the job's forwarder
        address target;
        uint32 callbackGas;
        /// @dev zero: the chain's own coin
        address token;
        /// @dev what one settled task costs, all keepers together
        uint96 fee;
        uint16 quorumBps;
        /// @dev a task settled later than this many seconds after it was due costs half; zero: lateness is free; only for triggers
        /// by time
        uint16 punctualSeconds;
        /// @dev no run due after this is made, in unix seconds; zero: the job has no end
        uint64 until;
        /// @dev so many runs of a version are made at most, see contracts/README.md; zero: as many as come due
        uint32 mostRuns;
        /// @dev no run is made at a block with a higher base fee, in wei; zero: whatever gas costs. The keepers' matter, under quorum
        uint64 mostGasPrice;
        /// @dev the keepers' matter, under quorum
        Missed missed;
    }

    /// @notice Where a job stops, as in JobParams.
    struct Limits {
        uint64 until;
        uint32 mostRuns;
        uint64 mostGasPrice;
        Missed missed;
    }

    /// @notice What is kept of a job.
    struct Job {
        address owner;
        uint32 version;
        Status status;
        Trigger trigger;
        Action action;
        uint16 quorumBps;
        uint16 punctualSeconds;
        /// @dev callbacks that failed since one succeeded
        uint8 failures;
        address target;
        uint32 callbackGas;
        /// @dev the last moment at which a run may be due, in unix seconds: where the job was stopped, or ends by itself; zero: none
        uint64 inactiveFrom;
        address token;
        uint96 fee;
        uint128 escrow;
        /// @dev when the version's run 0 is due: unix seconds, or for one by blocks the first block; where runs have no such numbers,
        /// from when on there are any, in unix seconds: by the calendar the first minute
        uint64 start;
        /// @dev how far apart runs are due, in seconds or blocks; of a condition its cooldown in blocks; zero: it has none
        uint32 interval;
        bytes32 codeHash;
        address forwarder;
        /// @dev wei that come back when the job has ended
        uint96 deposit;
        /// @dev wei set aside for gas where the job pays in a token
        uint96 gas;
        /// @dev see {canPay}
        bool covered;
        Limits limits;
    }

    /// @notice What a verified certificate says about its batch, and who brings it.
    struct Certified {
        uint32 epoch;
        uint96 signedStake;
        uint96 totalStake;
        /// @dev bitmap of the indices that did not sign
        uint256 absent;
        address submitter;
        /// @dev wei that the submitter paid for the batch's data besides its gas, at most 96 bits; 0 on most chains
        uint256 dataFee;
        /// @dev gas that the submitter paid for the batch up to here, at most 32 bits
        uint256 gasUsed;
    }

    /// @notice What a run must cost at least in a token, or in the chain's coin; zero: no job may pay in it any more.
    event LeastFeeChanged(address indexed token, uint96 leastFee);
    event ListingDepositChanged(uint96 deposit);
    /// @notice `activeFrom` as {Job-start}: what came before it makes no run due.
    event JobCreated(
        uint64 indexed jobId, address indexed owner, address forwarder, JobParams params, uint64 activeFrom
    );
    /// @notice `escrow` and `gas` are what is set aside now for fees, in the job's token, and where that is not the chain's coin
    /// for gas, in wei.
    event JobFunded(uint64 indexed jobId, address indexed from, uint256 amount, uint256 escrow, uint256 gas);
    /// @notice Tasks due up to `inactiveFrom` (unix seconds) still run; it may be past where the job ended by itself.
    event JobPaused(uint64 indexed jobId, uint64 inactiveFrom);
    /// @notice `activeFrom` as {Job-start}.
    event JobResumed(uint64 indexed jobId, uint32 version, uint64 activeFrom);
    /// @notice A new version with new terms, after a pause; `activeFrom` as {Job-start}.
    event JobUpdated(uint64 indexed jobId, uint32 version, JobParams params, uint64 activeFrom);
    event JobCancelled(uint64 indexed jobId, uint64 inactiveFrom);
    event WithdrawalRequested(uint64 indexed jobId, uint256 amount, uint256 gas, uint64 availableAt);
    /// @notice What went to `to`, in the job's token and of what was set aside for gas in wei, and the escrow that is left.
    event JobWithdrawn(uint64 indexed jobId, address indexed to, uint256 amount, uint256 gas, uint256 escrow);

    event DepositReturned(uint64 indexed jobId, address indexed to, uint256 amount);

    /// @notice Whether the job can pay for its next run from now on, see {canPay}. A job begins without that.
    event JobCovered(uint64 indexed jobId, bool covered);
    /// @notice So many callbacks failed in a row that the job was paused.
    event CircuitBroken(uint64 indexed jobId, uint8 failures);
    event Claimed(address indexed operator, address indexed token, address to, uint256 amount);
    /// @notice Nothing settles under the epoch any more; `rest` of what was charged is the protocol's.
    event EpochClosed(uint32 indexed epoch, address indexed token, uint256 rest);

    error NotOwner();
    /// @notice The creator has used the salt before; `forwarder` is that job's.
    error SaltTaken(address forwarder);
    error UnknownJob(uint64 jobId);
    /// @notice The data is not, to the byte, what this kind of trigger takes, or begins in the past; or an update changes the kind.
    error InvalidTrigger();
    /// @notice The parameters are not what a resolver takes.
    error InvalidAction();
    /// @notice An interval or a cooldown has 1 to 2^32 - 1 seconds or blocks.
    error InvalidInterval();
    error InvalidQuorum(uint16 quorumBps);
    /// @notice The target has no code, is a contract of this system, or is a job's forwarder.
    error InvalidTarget(address target);
    error InvalidCallbackGas(uint32 callbackGas);
    /// @notice URL and hash of the code are both there for `Wasm`, and neither for any other action.
    error InvalidCode();
    /// @notice The job would be over before its first run, or asks for what its trigger has not.
    error InvalidLimits();
    error ParamsTooLong();
    /// @notice The owner has not listed the token: no job may pay in it.
    error TokenNotListed(address token);
    /// @notice A run must cost `leastFee` or more in the job's token.
    error FeeTooLow(uint96 leastFee);
    /// @notice Listing a job takes `deposit` in the chain's coin, besides what the job is funded with.
    error DepositMissing(uint96 deposit);
    /// @notice The chain's coin stays listed.
    error ZeroFee();
    error FeeTooHigh(uint256 highest);
    error EscrowTooLarge(uint256 largest);
    /// @notice The token delivered less, or more, than was sent: escrow would not be covered.
    error TokenTakesFees(uint256 sent, uint256 received);
    error TokenFixed(address token);
    error EpochOpen(uint32 epoch);
    error LedgerFull();
    error NothingOwed();
    error WrongStatus(Status status);
    error WrongValue();
    error NothingRequested();
    /// @notice A day has passed since the withdrawal could be made; it is to be announced anew.
    error WithdrawalLapsed();
    error TooEarly(uint64 availableAt);
    error InsufficientEscrow();
    error OnlyTaskManager();
    /// @notice This contract is code of the JobManager alone.
    error OnlyJobManager();
    /// @notice The next run can be paid, as is known already.
    error PaysAlready(uint64 jobId);
    /// @notice The next run cannot be paid at the present base fee.
    error CannotPay(uint64 jobId);
    /// @notice There is no contract at that address.
    error NoToken(address token);
    error ZeroRecipient();

    /// @notice Lists a job and funds it. With the call comes the listing deposit in the chain's coin, and where the job pays in
    /// coin the funding too; where it does not, what else comes is set aside for gas.
    /// @param funding in the job's token, what is set aside for runs
    /// @param salt the creator's own choice, once: with the creator's address it makes the forwarder's, see {forwarderFor}
    function createJob(JobParams calldata params, uint256 funding, bytes32 salt) external payable returns (uint64 jobId);
    /// @notice Adds to what is set aside for fees, in the job's token; where that is not the chain's coin, coin that comes with the
    /// call is set aside for gas. Also of nothing: it is looked at anew whether the job can pay. A token that is off the list is
    /// not taken any more, coin for gas is.
    function fund(uint64 jobId, uint256 amount) external payable;
    /// @notice Has it looked at whether an active job that could not pay can, since the base fee has come down, or one that could pay
    /// cannot, since it has risen. Anybody may, where that is so; an operator that is a plain account is refunded the gas of it out of
    /// what the job has for gas, which must be enough for both; of a job that cannot pay any more, as far as there is any.
    function lookAgain(uint64 jobId) external;
    /// @notice Stops the tasks due after the notice period.
    function pause(uint64 jobId) external;
    /// @notice Starts a paused job again as a new version, when no task of the old one can settle any more. The new
    /// version's run 0 is due at the first moment of the old rhythm that is at least `noticeSeconds` away, so no run is
    /// due twice and every keeper knows the version before its first anchor. By blocks, it is as many blocks away; by the calendar,
    /// minutes count from the first one after the notice, logs and conditions from the end of the notice on. A job whose end has
    /// passed, or would before that, is not resumed (`InvalidLimits`).
    function resume(uint64 jobId) external;
    /// @notice As `resume`, with other terms; trigger kind and token stay. The first run must be `noticeSeconds` away, or as many
    /// blocks.
    function update(uint64 jobId, JobParams calldata params) external;
    /// @notice Stops the job for good, after the notice period.
    function cancel(uint64 jobId) external;
    /// @notice Announces a withdrawal; the amount can be taken when no task due by now, or by the end of a paused or
    /// cancelled job, can settle any more, and for a day from then on. A later request replaces an earlier one. What is due by a
    /// block, a log or a condition has an hour for this too, though the chain would let it settle for longer. Until it is made or has
    /// lapsed, no run is paid of it: where less is left than the next one may cost, the job cannot pay any more. Nothing at all, of a job
    /// that is not cancelled, takes the announcement back.
    /// @param gas of what a job that pays in a token has set aside for gas, in wei
    /// @param amount where nothing at all is asked of a cancelled job, its token stays here when it is withdrawn: it may not move
    /// any more
    function requestWithdrawal(uint64 jobId, uint256 amount, uint256 gas) external;
    /// @notice Pays out what was announced, but of a job that can pay and may still run not what its next run may cost, which may be under
    /// way; of a cancelled job whose last task can settle no more all that is left, its listing
    /// deposit too, without a word before.
    function withdraw(uint64 jobId, address to) external;

    /// @notice What a run must cost at least in a token, zero being the chain's coin; zero: no job may pay in it.
    function leastFee(address token) external view returns (uint96);
    /// @notice Wei that listing a job takes, and that come back when it has ended.
    function listingDeposit() external view returns (uint96);
    /// @notice Lists a token, or with zero takes it off the list: jobs that pay in it run on, but are not funded any more. A
    /// higher fee counts for new jobs and new terms. Only the owner.
    function setLeastFee(address token, uint96 leastFee_) external;
    /// @notice For jobs to come; what was deposited comes back as it was. Only the owner.
    function setListingDeposit(uint96 deposit) external;

    /// @notice Pausing and cancelling take effect this much later: what is due until then still runs.
    function noticeSeconds() external view returns (uint32);
    /// @notice A task may settle up to this many seconds after it was due, or as many blocks where a block makes it due. Then it has
    /// expired, at no cost to its job. Logs and conditions do not expire, but with their job.
    function EXPIRY_SECONDS() external view returns (uint32);
    /// @notice Wei above the base fee that submitters get back for a gas, at most; what keepers offer.
    function tip() external view returns (uint256);
    function registry() external view returns (address);
    function jobCount() external view returns (uint64);
    /// @notice A job's record; one that was never created has status None.
    function job(uint64 jobId) external view returns (Job memory);

    /// @notice Hash of the forwarders' creation code: with a salt of 88 bits their addresses follow from it (CREATE2), which
    /// are the lowest of keccak256(abi.encode(creator, salt)).
    function forwarderCodeHash() external view returns (bytes32);
    /// @notice The address towards its target of a job that exists.
    function forwarderOf(uint64 jobId) external view returns (address);
    /// @notice The address that a creator's next job with that salt has towards its target, whoever lists jobs before: a
    /// target may trust it before the job is there.
    function forwarderFor(address creator, bytes32 salt) external view returns (address);

    /// @notice Whether the next run can be paid in full, as was found when money of the job moved last, or when it was looked at last:
    /// its fee, and all the gas that it may cost, at the base fee of then. {JobCovered} tells when this changes. Keepers do nothing for a
    /// job that cannot pay, but that they have it looked at again when the base fee may have come down; and they have one looked at whose
    /// run nobody can settle at the present base fee.
    function canPay(uint64 jobId) external view returns (bool);
    /// @notice What the next run costs at the most, where a gas costs `gasPrice` wei: its fee, in the job's token, and in wei the
    /// gas of a settlement without any other task.
    function mostCost(uint64 jobId, uint256 gasPrice) external view returns (uint256 fee, uint256 gas);

    /// @notice Whether a run was settled, or can settle no more: it is over 64 runs older than the newest settled one, before the
    /// first minute of a job by the calendar, or of an older version. Of a condition the run that settled last is known alone: those
    /// before are not, though their anchors lie too far back to settle. What had a job's log for its cause is settled for all later versions.
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool);

    /// @notice Settles certified runs: each at most once, charged to its job, credited to those who signed, the
    /// submitter's gas and data fee refunded if it is an operator. Only the TaskManager calls it.
    /// @param runs three words a run, see RunWord: as bytes, for those are copied at once
    /// @return settled how many of them settled
    /// @return verdicts one word a run, then one for each of them that settled and calls its target: see RunWord
    /// @return codeHash as {forwarderCodeHash}: of use to who calls the targets next
    /// @return refunded wei that the submitter is to get back, but for what callbacks use
    function settle(Certified calldata certified, bytes calldata runs)
        external
        returns (uint256 settled, bytes memory verdicts, bytes32 codeHash, uint256 refunded);

    /// @notice Takes in what the callbacks of the runs just settled used and whether they succeeded, and what all of it
    /// used. Only the TaskManager calls it, after `settle` and in the same transaction.
    /// @param callbacks one word each, see RunWord
    /// @param refunded as `settle` gave it
    /// @param gasUsed gas that the submitter paid for the batch; with the data fee, the most that it gets back
    /// @param dataFee as in Certified
    function conclude(address submitter, bytes calldata callbacks, uint256 refunded, uint256 gasUsed, uint256 dataFee)
        external;

    /// @notice Sends the caller's earnings in `token` from the given epochs to `to`; with the chain's coin also its
    /// refunds.
    function claim(address token, uint32[] calldata epochs, address to) external returns (uint256 amount);
    /// @notice What an operator has earned in `token` in the given epochs and not claimed.
    function owed(address operator, address token, uint32[] calldata epochs) external view returns (uint256);
    /// @notice Gas paid by an operator for settlements and refunded by their jobs, not claimed, in wei.
    function refunds(address operator) external view returns (uint256);

    /// @notice Works out what of an epoch's charges is left for the protocol: its share, and dust. Anybody may, once
    /// nothing can settle under the epoch any more.
    function closeEpoch(uint32 epoch, address token) external returns (uint256 rest);
    function protocolOwed(address token) external view returns (uint256);
    /// @notice Sends what the protocol is owed to `to`. Only the owner.
    function claimProtocol(address token, address to) external returns (uint256 amount);
}
